#ifndef TALLYMARK_ENGINE_SLAB_H_
#define TALLYMARK_ENGINE_SLAB_H_

#include <cstddef>
#include <mutex>
#include <vector>

namespace tallymark {

// Memory on huge pages, as far as the system has them: random access to small ones misses the TLB, and
// on virtual machines the first touch of each costs up to 15 us. Half a huge page and more is rounded up
// to whole ones, which come from LargePool, and less comes from the heap. It holds whatever its last user
// left, unless it is MapLargeZeroed's. `bytes` is given again to UnmapLarge. Throws std::bad_alloc.
[[nodiscard]] void* MapLarge(size_t bytes);
[[nodiscard]] void* MapLargeZeroed(size_t bytes);
void UnmapLarge(void* memory, size_t bytes) noexcept;

// Memory with an owner, zeroed unless it is Unclean. Move only.
class Slab {
 public:
  Slab() = default;
  explicit Slab(size_t bytes);
  static Slab Unclean(size_t bytes);
  ~Slab();
  Slab(Slab&& other) noexcept;
  Slab& operator=(Slab&& other) noexcept;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
};

// Hands out pieces of one size, cut from large slabs, and takes them back for the next user, so that
// generations of big tables take turns in memory that was touched before. Slabs are let go when the
// pool dies. Thread safe. A piece holds whatever its last user left.
class PiecePool {
 public:
  explicit PiecePool(size_t piece_bytes) : piece_bytes_(piece_bytes) {}

  char* Take();
  void Give(char* piece);
  size_t piece_bytes() const { return piece_bytes_; }

 private:
  const size_t piece_bytes_;
  std::mutex mutex_;
  std::vector<Slab> slabs_;
  size_t used_of_last_ = 0;
  std::vector<char*> idle_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_SLAB_H_
