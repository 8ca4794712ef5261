#ifndef TALLYMARK_FORMAT_HASH128_H_
#define TALLYMARK_FORMAT_HASH128_H_

#include <compare>
#include <cstdint>

namespace tallymark {

// A 128-bit identity (XXH3 128 of xxHash). Ordered by (hi, lo), which is also the order of
// identity segments on disk.
struct Hash128 {
  uint64_t hi = 0;
  uint64_t lo = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_HASH128_H_
