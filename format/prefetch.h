#ifndef TALLYMARK_FORMAT_PREFETCH_H_
#define TALLYMARK_FORMAT_PREFETCH_H_

#include <cstddef>

namespace tallymark {

inline constexpr size_t kCacheLine = 64;  // bytes, on every x86-64

// Asks for the cache line that holds `address`, which may be any value: it is never read here.
//
// Not the bare builtin: to GCC 12 a prefetch is no effect, so a function that does nothing else counts
// as pure and calls of it that are not inlined are dropped, silently. The empty statement is an effect.
[[gnu::always_inline]] inline void PrefetchLine(const void* address) {
  __builtin_prefetch(address);
  asm volatile("" : : "r"(address));
}

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_PREFETCH_H_
