#ifndef TALLYMARK_ENGINE_FINGERPRINT_PAGES_H_
#define TALLYMARK_ENGINE_FINGERPRINT_PAGES_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/big_vector.h"
#include "engine/fingerprint.h"
#include "engine/fingerprint_page.h"
#include "engine/slab.h"
#include "format/prefetch.h"

namespace tallymark {

// A set of (fingerprint, tag) pairs, from half a million to billions, in 6.3 to 7.6 bytes each from tens of
// millions on. One line of the directory and mostly one bucket are touched per look-up.
//
// Pages by the fingerprint's top bits, which are not stored again (quotienting: Cleary, "Compact hash
// tables using bidirectional linear probing", 1984). A full page takes one chunk more and spreads what it
// has; with all its chunks it is split in two, as in extendible hashing (Fagin et al., 1979; growth
// by parts of a page: Larson, "Linear hashing with partial expansions", 1980). Pages that only split
// would all be half empty at once, being equally full. A full bucket spills into those behind it, and knows
// how far.
//
// Not thread safe.
class FingerprintPages {
 public:
  static constexpr size_t kChunkBytes = FingerprintPage::kChunkBytes;

  // The pool hands out pieces of kChunkBytes, aligned to as much.
  explicit FingerprintPages(PiecePool* pool);
  ~FingerprintPages();
  FingerprintPages(const FingerprintPages&) = delete;
  FingerprintPages& operator=(const FingerprintPages&) = delete;

  // In two steps, some events apart: the directory of a large table is not in the nearest cache
  // either.
  void PrefetchDirectory(Fingerprint fingerprint) const { PrefetchLine(&PageOf(fingerprint)); }
  void Prefetch(Fingerprint fingerprint) const {
    const FingerprintPage& page = PageOf(fingerprint);
    PrefetchLine(&page.bucket(FingerprintPage::HomeOf(Rest(fingerprint, page), page.buckets())));
  }

  // Calls visit(tag) for every entry with this fingerprint.
  template <class Visit>
  void Find(Fingerprint fingerprint, Visit&& visit) const;

  // False when no page can take it any more, which takes a hundred tags of one fingerprint. Others
  // may have been lost then: the table is of no use any more.
  [[nodiscard]] bool Insert(Fingerprint fingerprint, uint8_t tag);

  uint64_t bytes() const { return chunks_ * kChunkBytes + directory_.size() * sizeof(FingerprintPage); }

 private:
  static constexpr int kDepthMin = kFingerprintBits - FingerprintBucket::kRestBits;
  static constexpr int kDepthMax = 22;  // for 10^10; a directory of 128 MB

  struct Entry {
    Fingerprint fingerprint;
    uint8_t tag;
  };

  // The bits behind the page's; those of a split page end in zeros.
  static uint32_t Rest(Fingerprint fingerprint, const FingerprintPage& page) {
    constexpr uint32_t kMask = (1U << FingerprintBucket::kRestBits) - 1;
    return static_cast<uint32_t>(fingerprint << page.depth() >> kDepthMin) & kMask;
  }
  size_t IndexOf(Fingerprint fingerprint) const { return fingerprint >> (kFingerprintBits - depth_); }
  const FingerprintPage& PageOf(Fingerprint fingerprint) const { return directory_[IndexOf(fingerprint)]; }

  FingerprintBucket* NewChunk();
  [[nodiscard]] bool Place(Fingerprint fingerprint, uint8_t tag);
  void StorePage(size_t index, const FingerprintPage& page);
  [[nodiscard]] bool Grow(Fingerprint fingerprint);
  [[nodiscard]] bool Widen(size_t index);
  [[nodiscard]] bool Split(size_t index);
  void DoubleDirectory();
  Entry EntryOf(size_t index, const FingerprintPage& page, uint32_t word, uint8_t high_half) const;
  [[nodiscard]] bool InsertAll(const std::vector<Entry>& left);

  PiecePool* const pool_;
  BigVector<FingerprintPage> directory_;
  int depth_ = kDepthMin;
  uint64_t chunks_ = 0;
};

template <class Visit>
void FingerprintPages::Find(Fingerprint fingerprint, Visit&& visit) const {
  const FingerprintPage& page = PageOf(fingerprint);
  const uint32_t rest = Rest(fingerprint, page);
  const uint32_t buckets = page.buckets();
  uint32_t at = FingerprintPage::HomeOf(rest, buckets);
  for (uint32_t left = page.bucket(at).Reach() + 1; left > 0; --left) {
    const FingerprintBucket& bucket = page.bucket(at);
    for (uint32_t mask = bucket.MatchMask(rest); mask != 0; mask &= mask - 1)
      visit(bucket.TagAt(static_cast<uint32_t>(std::countr_zero(mask))));
    if (++at == buckets) at = 0;
  }
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FINGERPRINT_PAGES_H_
