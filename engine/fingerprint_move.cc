#include "engine/fingerprint_move.h"

#include <emmintrin.h>

#include <cstring>

namespace tallymark {
namespace {

constexpr size_t kHalfBytes = FingerprintBucket::kSlots / 2;

// A byte each from two a byte, 16 for 8: those of the bucket's pairs, and two of what lies behind.
__m128i Unpack(const FingerprintBucket& bucket) {
  const __m128i low_four = _mm_set1_epi8(15);
  const __m128i pairs = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bucket.high_halves.data()));
  const __m128i even = _mm_and_si128(pairs, low_four);
  const __m128i odd = _mm_and_si128(_mm_srli_epi16(pairs, 4), low_four);
  return _mm_unpacklo_epi8(even, odd);
}

void Pack(const std::array<uint8_t, 16>& halves, FingerprintBucket* bucket) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(halves.data()));
  const __m128i even = _mm_and_si128(bytes, _mm_set1_epi16(15));
  const __m128i odd = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi16(0xF0));
  std::array<uint8_t, 16> packed;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(packed.data()),
                   _mm_packus_epi16(_mm_or_si128(even, odd), _mm_setzero_si128()));
  std::memcpy(bucket->high_halves.data(), packed.data(), kHalfBytes);
}

}  // namespace

TakenFingerprints::TakenFingerprints(const FingerprintPage& page) {
  for (uint32_t i = 0; i < page.chunks(); ++i) {
    const FingerprintBucket* const chunk = page.chunk(i);
    for (uint32_t b = 0; b < FingerprintPage::kChunkBuckets; ++b) {
      std::memcpy(&words_[count_], chunk[b].words.data(), sizeof(chunk[b].words));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(&high_halves_[count_]), Unpack(chunk[b]));
      count_ += chunk[b].Count();
    }
  }
}

FingerprintFill::FingerprintFill(const FingerprintPage& page) : page_(page), buckets_(page.buckets()) {}

void FingerprintFill::Finish() {
  for (uint32_t at = 0; at < buckets_; ++at) {
    FingerprintBucket& bucket = page_.bucket(at);
    Pack(high_halves_[at], &bucket);
    bucket.count_and_reach = static_cast<uint8_t>(counts_[at] | reaches_[at] << 4);
  }
}

}  // namespace tallymark
