#ifndef TALLYMARK_ENGINE_SLAB_H_
#define TALLYMARK_ENGINE_SLAB_H_

#include <cstddef>
#include <mutex>
#include <vector>

namespace tallymark {

// Zeroed memory in large pieces straight from the system, asked to be backed by huge pages: first
// touch of small pages costs microseconds a kilobyte on virtual machines. Move only.
class Slab {
 public:
  Slab() = default;
  explicit Slab(size_t bytes);
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
// generations of big tables take turns in memory that was touched before. Memory goes back to the
// system when the pool dies. Thread safe. A piece holds whatever its last user left.
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
