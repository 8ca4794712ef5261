#ifndef TALLYMARK_ENGINE_BIG_VECTOR_H_
#define TALLYMARK_ENGINE_BIG_VECTOR_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/slab.h"

namespace tallymark {

// Takes large arrays from MapLarge and small ones from the heap. Stateless.
template <class T>
class BigAllocator {
 public:
  using value_type = T;
  BigAllocator() = default;
  template <class U>
  BigAllocator(const BigAllocator<U>& /*other*/) noexcept {}  // NOLINT: allocators convert

  T* allocate(size_t count) {
    if (count < kLarge) return std::allocator<T>().allocate(count);
    return static_cast<T*>(MapLarge(count * sizeof(T)));
  }
  void deallocate(T* memory, size_t count) noexcept {
    if (count < kLarge) {
      std::allocator<T>().deallocate(memory, count);
    } else {
      UnmapLarge(memory, count * sizeof(T));
    }
  }
  friend bool operator==(const BigAllocator&, const BigAllocator&) { return true; }

 private:
  static constexpr size_t kLarge = (size_t{1} << 20) / sizeof(T);
};

// A std::vector for tables that may grow to many megabytes: filling and random access cost a
// fraction of what they do on small pages. Its memory goes back to LargePool when it is let go.
template <class T>
using BigVector = std::vector<T, BigAllocator<T>>;

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_BIG_VECTOR_H_
