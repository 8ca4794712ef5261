#ifndef TALLYMARK_ENGINE_FINGERPRINT_TABLE_H_
#define TALLYMARK_ENGINE_FINGERPRINT_TABLE_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/slab.h"
#include "format/hash128.h"

namespace tallymark {

// Which segments may hold an identity: a set of (32-bit fingerprint, 8-bit tag) that answers
// "surely in none" or "maybe in these". Never a false "none". One 64-byte bucket is touched per
// look-up, 12 entries in each.
//
// It grows by extendible hashing (Fagin et al., 1979): pages of 256 buckets, a directory over the
// fingerprint's top bits, and a full page splits in two, so no insertion ever rehashes more than
// one page. A bucket that is full spills into its neighbours inside the page and says so.
//
// Not thread safe. Memory: 5.3 bytes an entry on full pages, twice that just after splits.
class FingerprintTable {
 public:
  static constexpr size_t kPageBytes = size_t{16} << 10;

  // The pool hands out pieces of kPageBytes.
  explicit FingerprintTable(PiecePool* pool);
  ~FingerprintTable();
  FingerprintTable(const FingerprintTable&) = delete;
  FingerprintTable& operator=(const FingerprintTable&) = delete;

  void Prefetch(const Hash128& id) const { __builtin_prefetch(&HomeBucket(id)); }

  // Calls visit(tag) for every entry with the fingerprint of `id`.
  template <class Visit>
  void Find(const Hash128& id, Visit&& visit) const;

  // False when the page cannot take it any more (an absurd number of equal fingerprints): the
  // entry is then not in, and the caller must stop trusting "none".
  [[nodiscard]] bool Insert(const Hash128& id, uint8_t tag);

  uint64_t size() const { return size_; }
  uint64_t bytes() const {
    return pages_.size() * (kPageBytes + sizeof(Page)) + directory_.size() * sizeof(Page*);
  }

 private:
  static constexpr int kSlots = 12;
  static constexpr int kBucketBits = 8;
  static constexpr uint32_t kBuckets = 1U << kBucketBits;
  static constexpr uint32_t kSplitAt = kBuckets * kSlots * 4 / 5;
  static constexpr int kDepthMax = 24;

  struct alignas(64) Bucket {
    std::array<uint32_t, kSlots> fingerprint;
    std::array<uint8_t, kSlots> tag;
    uint8_t count;
    uint8_t spilled;  // some entry of this bucket lies further on
    uint8_t unused[2];
  };
  static_assert(sizeof(Bucket) * kBuckets == kPageBytes);
  struct Page {
    Bucket* buckets = nullptr;
    uint32_t entries = 0;
    int depth = 0;
  };

  static uint32_t Fingerprint(const Hash128& id) { return static_cast<uint32_t>(id.hi >> 32); }
  static uint32_t Home(const Hash128& id) { return static_cast<uint32_t>(id.hi) & (kBuckets - 1); }
  const Page& PageOf(uint32_t fingerprint) const {
    return *directory_[depth_ == 0 ? 0 : fingerprint >> (32 - depth_)];
  }
  const Bucket& HomeBucket(const Hash128& id) const { return PageOf(Fingerprint(id)).buckets[Home(id)]; }
  static uint32_t MatchMask(const Bucket& bucket, uint32_t fingerprint);

  Page* NewPage(int depth);
  void Split(uint32_t fingerprint);

  PiecePool* pool_;
  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<Page*> directory_;
  int depth_ = 0;
  uint64_t size_ = 0;
};

inline uint32_t FingerprintTable::MatchMask(const Bucket& bucket, uint32_t fingerprint) {
  uint32_t mask = 0;
  for (uint32_t i = 0; i < kSlots; ++i) {
    mask |= static_cast<uint32_t>(bucket.fingerprint[i] == fingerprint) << i;
  }
  return mask & ((1U << bucket.count) - 1);
}

template <class Visit>
void FingerprintTable::Find(const Hash128& id, Visit&& visit) const {
  const uint32_t fingerprint = Fingerprint(id);
  const Page& page = PageOf(fingerprint);
  uint32_t index = Home(id);
  for (uint32_t step = 0; step < kBuckets; ++step) {
    const Bucket& bucket = page.buckets[index];
    for (uint32_t mask = MatchMask(bucket, fingerprint); mask != 0; mask &= mask - 1) {
      visit(bucket.tag[static_cast<size_t>(std::countr_zero(mask))]);
    }
    if (bucket.spilled == 0) return;
    index = (index + 1) & (kBuckets - 1);
  }
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FINGERPRINT_TABLE_H_
