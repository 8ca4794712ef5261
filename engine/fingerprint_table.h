#ifndef TALLYMARK_ENGINE_FINGERPRINT_TABLE_H_
#define TALLYMARK_ENGINE_FINGERPRINT_TABLE_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/slab.h"
#include "format/hash128.h"
#include "format/prefetch.h"

namespace tallymark {

// Which segments may hold an identity: a set of (32-bit fingerprint, 8-bit tag) that answers
// "surely in none" or "maybe in these". Never a false "none". One 64-byte bucket is touched per
// look-up, 12 entries in each.
//
// It grows by extendible hashing (Fagin et al., 1979): pages of 256 buckets, a directory over the
// fingerprint's top bits, and a full page splits in two, so no insertion ever rehashes more than
// one page. A full bucket spills into the next three of its page; every entry knows how far it is
// from home, so that a split puts everything back where it belongs and look-ups stay short.
//
// Not thread safe. Memory: about 7 bytes an entry on full pages, twice that just after splits.
class FingerprintTable {
 public:
  static constexpr size_t kPageBytes = size_t{16} << 10;

  // The pool hands out pieces of kPageBytes.
  explicit FingerprintTable(PiecePool* pool);
  ~FingerprintTable();
  FingerprintTable(const FingerprintTable&) = delete;
  FingerprintTable& operator=(const FingerprintTable&) = delete;

  // In two steps, some events apart: the directory of a large table is not in the nearest cache
  // either.
  void PrefetchDirectory(const Hash128& id) const {
    PrefetchLine(&directory_[DirectoryIndex(Fingerprint(id))]);
  }
  void Prefetch(const Hash128& id) const { PrefetchLine(&HomeBucket(id)); }

  // Calls visit(tag) for every entry with the fingerprint of `id`.
  template <class Visit>
  void Find(const Hash128& id, Visit&& visit) const;

  // False when no page can take it any more (an absurd number of equal fingerprints): the
  // entry is then not in, and the caller must stop trusting "none".
  [[nodiscard]] bool Insert(const Hash128& id, uint8_t tag);

  uint64_t size() const { return size_; }
  uint64_t bytes() const { return pages_.size() * kPageBytes + directory_.size() * sizeof(Page); }

 private:
  static constexpr int kSlots = 12;
  static constexpr int kBucketBits = 8;
  static constexpr uint32_t kBuckets = 1U << kBucketBits;
  static constexpr uint32_t kDistanceMax = 3;
  static constexpr int kDepthMax = 24;

  struct alignas(64) Bucket {
    std::array<uint32_t, kSlots> fingerprint;
    std::array<uint8_t, kSlots> tag;
    uint8_t count_and_reach;           // entries here; high half: how far entries of this home went
    std::array<uint8_t, 3> distances;  // of each entry from its home, two bits each

    uint32_t Count() const { return count_and_reach & 15U; }
    uint32_t Reach() const { return count_and_reach >> 4; }
    uint32_t Distance(uint32_t slot) const { return distances[slot / 4] >> (2 * (slot % 4)) & 3U; }
    void Append(uint32_t fingerprint_value, uint8_t tag_value, uint32_t distance);
    void Extend(uint32_t reach);
  };
  static_assert(sizeof(Bucket) * kBuckets == kPageBytes);
  // As the directory has it: one load leads to the bucket. Pages are aligned to more than the
  // depth takes.
  class Page {
   public:
    Page() = default;
    Page(Bucket* buckets, int depth)
        : bits_(reinterpret_cast<uintptr_t>(buckets) | static_cast<uintptr_t>(depth)) {}
    Bucket* buckets() const { return reinterpret_cast<Bucket*>(bits_ & ~kDepthMask); }
    int depth() const { return static_cast<int>(bits_ & kDepthMask); }

   private:
    static constexpr uintptr_t kDepthMask = 31;
    uintptr_t bits_ = 0;
  };
  static_assert(kDepthMax < 32 && alignof(Bucket) >= 32);

  static uint32_t Fingerprint(const Hash128& id) { return static_cast<uint32_t>(id.hi >> 32); }
  static uint32_t Home(const Hash128& id) { return static_cast<uint32_t>(id.hi) & (kBuckets - 1); }
  size_t DirectoryIndex(uint32_t fingerprint) const {
    return static_cast<size_t>(uint64_t{fingerprint} << depth_ >> 32);
  }
  Page PageOf(uint32_t fingerprint) const { return directory_[DirectoryIndex(fingerprint)]; }
  const Bucket& HomeBucket(const Hash128& id) const { return PageOf(Fingerprint(id)).buckets()[Home(id)]; }
  static uint32_t MatchMask(const Bucket& bucket, uint32_t fingerprint);

  Bucket* NewBuckets();
  bool InsertAt(uint32_t fingerprint, uint32_t home, uint8_t tag);
  static bool Place(Bucket* buckets, uint32_t fingerprint, uint32_t home, uint8_t tag);
  [[nodiscard]] bool Split(uint32_t fingerprint);

  PiecePool* pool_;
  std::vector<Bucket*> pages_;
  std::vector<Page> directory_;
  int depth_ = 0;
  uint64_t size_ = 0;
};

inline uint32_t FingerprintTable::MatchMask(const Bucket& bucket, uint32_t fingerprint) {
  uint32_t mask = 0;
  for (uint32_t i = 0; i < kSlots; ++i) {
    mask |= static_cast<uint32_t>(bucket.fingerprint[i] == fingerprint) << i;
  }
  return mask & ((1U << bucket.Count()) - 1);
}

template <class Visit>
void FingerprintTable::Find(const Hash128& id, Visit&& visit) const {
  const uint32_t fingerprint = Fingerprint(id);
  const Bucket* buckets = PageOf(fingerprint).buckets();
  const uint32_t home = Home(id);
  const uint32_t reach = buckets[home].Reach();
  for (uint32_t distance = 0; distance <= reach; ++distance) {
    const Bucket& bucket = buckets[(home + distance) & (kBuckets - 1)];
    for (uint32_t mask = MatchMask(bucket, fingerprint); mask != 0; mask &= mask - 1) {
      visit(bucket.tag[static_cast<size_t>(std::countr_zero(mask))]);
    }
  }
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FINGERPRINT_TABLE_H_
