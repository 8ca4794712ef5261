#ifndef TALLYMARK_ENGINE_LARGE_POOL_H_
#define TALLYMARK_ENGINE_LARGE_POOL_H_

#include <cstddef>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace tallymark {

// Keeps huge pages that were let go for whoever asks next. A virtual machine gives pages that are not
// in use back to its host, which may take 2 to 8 ms for each when it is touched again (bench/README.md),
// many times what filling it does; so tables and arrays that come and go take turns in the same pages.
// Where no idle range is long enough, pages of several are moved together (mremap). Thread safe.
class LargePool {
 public:
  static constexpr size_t kPageBytes = size_t{2} << 20;

  // Ranges of the system's that begin and end with a page. The first `used` bytes hold whatever their
  // last user left, the others are zero.
  struct Range {
    char* data = nullptr;
    size_t used = 0;
  };

  LargePool() = default;
  ~LargePool();
  LargePool(const LargePool&) = delete;
  LargePool& operator=(const LargePool&) = delete;

  // The one of this process. Never dies, since what it lends may outlive every other static object.
  static LargePool& OfProcess();

  // `size` is a multiple of kPageBytes, and so is every part that is given back. Throws std::bad_alloc.
  [[nodiscard]] Range Take(size_t size);
  void Give(char* data, size_t size) noexcept;

  // Lets the system have as much as has been idle ever since the last call.
  void Trim() noexcept;
  [[nodiscard]] size_t idle_bytes() const;

 private:
  using Extent = std::pair<char*, size_t>;

  char* TakeWhole(size_t size);
  std::vector<Extent> TakeParts(size_t size);
  std::vector<Extent> TakeLocked(size_t size);
  void CutFront(std::map<char*, size_t>::iterator extent, size_t size);
  void AddLocked(char* data, size_t size);

  mutable std::mutex mutex_;
  std::map<char*, size_t> idle_;  // no two of them touch
  size_t idle_bytes_ = 0;
  size_t least_idle_ = 0;  // since the last Trim
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_LARGE_POOL_H_
