#ifndef TALLYMARK_ENGINE_FINGERPRINT_MOVE_H_
#define TALLYMARK_ENGINE_FINGERPRINT_MOVE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/fingerprint_page.h"

namespace tallymark {

// What moves a page's entries to more memory: every entry moves several times in its life, so a few
// nanoseconds each are what it may take. Both are large, for the stack.

// The entries of a page, copied, as words and high halves of tags (see FingerprintBucket).
class TakenFingerprints {
 public:
  explicit TakenFingerprints(const FingerprintPage& page);

  // Calls visit(word, high_half) for each, in the page's order, which is nearly that of fingerprints.
  template <class Visit>
  void ForEach(Visit&& visit) const {
    for (uint32_t i = 0; i < count_; ++i) visit(words_[i], high_halves_[i]);
  }

 private:
  static constexpr uint32_t kPairsMax =
      FingerprintPage::kChunksMax * FingerprintPage::kChunkBuckets * FingerprintBucket::kSlots;
  uint32_t count_ = 0;
  std::array<uint32_t, kPairsMax + 2> words_;  // whole quarters of buckets are written
  std::array<uint8_t, kPairsMax + 2> high_halves_;
};

// Fills a page from nothing, whatever was in its chunks.
class FingerprintFill {
 public:
  explicit FingerprintFill(const FingerprintPage& page);

  // False when all buckets within reach are full.
  [[nodiscard]] bool Add(uint32_t word, uint8_t high_half);
  // To be called once, last; the page holds nothing before.
  void Finish();

 private:
  static constexpr uint32_t kBucketsMax = FingerprintPage::kChunksMax * FingerprintPage::kChunkBuckets;
  const FingerprintPage page_;
  const uint32_t buckets_;
  std::array<uint8_t, kBucketsMax> counts_{}, reaches_{};
  std::array<std::array<uint8_t, 16>, kBucketsMax> high_halves_;
};

inline bool FingerprintFill::Add(uint32_t word, uint8_t high_half) {
  const uint32_t home = FingerprintPage::HomeOf(word >> 4, buckets_);
  uint32_t at = home;
  if (counts_[at] == FingerprintBucket::kSlots) {
    uint8_t reach = 0;
    while (counts_[at] == FingerprintBucket::kSlots) {
      if (++reach > FingerprintBucket::kReachMax) return false;
      if (++at == buckets_) at = 0;
    }
    reaches_[home] = std::max(reaches_[home], reach);
  }
  const uint8_t slot = counts_[at]++;
  page_.bucket(at).words[slot] = word;
  high_halves_[at][slot] = high_half;
  return true;
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FINGERPRINT_MOVE_H_
