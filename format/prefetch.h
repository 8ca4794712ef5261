#ifndef TALLYMARK_FORMAT_PREFETCH_H_
#define TALLYMARK_FORMAT_PREFETCH_H_

#include <algorithm>
#include <cstddef>
#include <span>

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

// All lines of an object that begins on one.
template <class T>
void PrefetchObject(const T& object) {
  static_assert(alignof(T) % kCacheLine == 0);
  for (size_t at = 0; at < sizeof(T); at += kCacheLine)
    PrefetchLine(reinterpret_cast<const char*>(&object) + at);
}

// Items whose memory is asked for in one loop that does nothing else. On virtual machines samples stand
// right behind prefetches, as if each held up what follows until its address is translated; in such a
// loop several are under way at once (bench/README.md).
inline constexpr size_t kPrefetchGroup = 32;

// The group `ahead` groups behind the one that begins at `begin`; shorter or empty at the end of `all`.
template <class T>
std::span<const T> PrefetchGroup(std::span<const T> all, size_t begin, size_t ahead) {
  const size_t first = std::min(all.size(), begin + ahead * kPrefetchGroup);
  return all.subspan(first, std::min(kPrefetchGroup, all.size() - first));
}

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_PREFETCH_H_
