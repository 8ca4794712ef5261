#ifndef TALLYMARK_ENGINE_FINGERPRINT_PAGE_H_
#define TALLYMARK_ENGINE_FINGERPRINT_PAGE_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/fingerprint_bucket.h"

namespace tallymark {

// Where the buckets of one range of fingerprints lie: one to four chunks of memory, which it does not own.
// The buckets divide the range evenly among themselves, in order. Chunks are aligned to their size,
// so that their number and the depth lie in the low bits of the first one's address.
class alignas(kCacheLine / 2) FingerprintPage {
 public:
  static constexpr size_t kChunkBytes = size_t{4} << 10;
  static constexpr uint32_t kChunkBuckets = kChunkBytes / sizeof(FingerprintBucket);
  static constexpr uint32_t kChunksMax = 4;

  FingerprintPage() = default;
  explicit FingerprintPage(int depth) : chunks_{static_cast<uintptr_t>(depth) << kDepthShift} {}

  // How many of the fingerprint's top bits are those of the range.
  int depth() const { return static_cast<int>(chunks_[0] >> kDepthShift & kDepthMask); }
  uint32_t chunks() const { return chunks_[0] & kCountMask; }
  uint32_t buckets() const { return chunks() * kChunkBuckets; }
  FingerprintBucket* chunk(uint32_t index) const {
    return reinterpret_cast<FingerprintBucket*>(chunks_[index] & ~kLowBits);
  }
  FingerprintBucket& bucket(uint32_t index) const {
    return chunk(index / kChunkBuckets)[index % kChunkBuckets];
  }

  // Precondition: fewer than kChunksMax.
  void Add(FingerprintBucket* chunk) {
    chunks_[chunks()] |= reinterpret_cast<uintptr_t>(chunk);
    ++chunks_[0];
  }

  // The bucket, of so many, that these bits of a fingerprint behind the range's are at home in.
  static uint32_t HomeOf(uint32_t rest, uint32_t buckets) {
    return static_cast<uint32_t>(uint64_t{rest} * buckets >> FingerprintBucket::kRestBits);
  }

 private:
  static constexpr uintptr_t kCountMask = 7, kDepthMask = 31, kLowBits = kChunkBytes - 1;
  static constexpr int kDepthShift = 3;
  std::array<uintptr_t, kChunksMax> chunks_{};
};
static_assert(sizeof(FingerprintPage) == kCacheLine / 2);  // the directory has two a line

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FINGERPRINT_PAGE_H_
