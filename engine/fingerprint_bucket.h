#ifndef TALLYMARK_ENGINE_FINGERPRINT_BUCKET_H_
#define TALLYMARK_ENGINE_FINGERPRINT_BUCKET_H_

#include <emmintrin.h>

#include <array>
#include <bit>
#include <cstdint>

#include "format/prefetch.h"

namespace tallymark {

// A cache line of up to 14 pairs of 28 bits of a fingerprint and a tag of 8. Pairs beyond the count are
// whatever was there.
struct alignas(kCacheLine) FingerprintBucket {
  static constexpr uint32_t kSlots = 14;
  static constexpr int kRestBits = 28;
  static constexpr uint32_t kReachMax = 7;  // more makes look-ups longer, fewer leaves more room unused

  std::array<uint32_t, kSlots> words;           // the bits of the fingerprint, above the low half of the tag
  std::array<uint8_t, kSlots / 2> high_halves;  // of the tags, two a byte, the first in its low half
  uint8_t count_and_reach;  // pairs here; high half: how many buckets on those at home here went

  static uint32_t Word(uint32_t rest, uint8_t tag) { return rest << 4 | (tag & 15U); }

  uint32_t Count() const { return count_and_reach & 15U; }
  uint32_t Reach() const { return count_and_reach >> 4; }
  uint8_t TagAt(uint32_t slot) const {
    const uint32_t high = high_halves[slot / 2] >> (4 * (slot % 2)) & 15U;
    return static_cast<uint8_t>(high << 4 | (words[slot] & 15U));
  }

  // Bit i is set where pair i has these bits.
  uint32_t MatchMask(uint32_t rest) const {
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(rest));
    const auto* quarters = reinterpret_cast<const __m128i*>(this);
    auto equal = [&](int quarter) {
      return _mm_cmpeq_epi32(_mm_srli_epi32(_mm_load_si128(quarters + quarter), 4), wanted);
    };
    const __m128i first = _mm_packs_epi32(equal(0), equal(1));
    const __m128i second = _mm_packs_epi32(equal(2), equal(3));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(first, second)));
    return mask & ((1U << Count()) - 1);
  }

  bool Holds(uint32_t rest, uint8_t tag) const {
    for (uint32_t mask = MatchMask(rest); mask != 0; mask &= mask - 1) {
      if (TagAt(static_cast<uint32_t>(std::countr_zero(mask))) == tag) return true;
    }
    return false;
  }

  // Precondition: Count() < kSlots.
  void Append(uint32_t rest, uint8_t tag) {
    const uint32_t slot = Count();
    words[slot] = Word(rest, tag);
    const uint32_t shift = 4 * (slot % 2);
    uint8_t& halves = high_halves[slot / 2];
    halves = static_cast<uint8_t>((halves & ~(15U << shift)) | static_cast<uint32_t>(tag >> 4) << shift);
    ++count_and_reach;
  }
  void Extend(uint32_t reach) {
    if (reach > Reach()) count_and_reach = static_cast<uint8_t>(Count() | reach << 4);
  }
};
static_assert(sizeof(FingerprintBucket) == kCacheLine);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FINGERPRINT_BUCKET_H_
