#include "engine/fingerprint_table.h"

#include <cstring>

namespace tallymark {

FingerprintTable::FingerprintTable(PiecePool* pool) : pool_(pool) {
  directory_.emplace_back(NewBuckets(), 0);
}

FingerprintTable::~FingerprintTable() {
  for (Bucket* buckets : pages_) pool_->Give(reinterpret_cast<char*>(buckets));
}

FingerprintTable::Bucket* FingerprintTable::NewBuckets() {
  char* memory = pool_->Take();
  std::memset(memory, 0, kPageBytes);
  pages_.push_back(reinterpret_cast<Bucket*>(memory));
  return pages_.back();
}

void FingerprintTable::Bucket::Append(uint32_t fingerprint_value, uint8_t tag_value, uint32_t distance) {
  const uint32_t slot = Count();
  fingerprint[slot] = fingerprint_value;
  tag[slot] = tag_value;
  const uint32_t shift = 2 * (slot % 4);
  distances[slot / 4] = static_cast<uint8_t>((distances[slot / 4] & ~(3U << shift)) | distance << shift);
  ++count_and_reach;
}

void FingerprintTable::Bucket::Extend(uint32_t reach) {
  if (reach > Reach()) count_and_reach = static_cast<uint8_t>(Count() | reach << 4);
}

bool FingerprintTable::Place(Bucket* buckets, uint32_t fingerprint, uint32_t home, uint8_t tag) {
  for (uint32_t distance = 0; distance <= kDistanceMax; ++distance) {
    Bucket& bucket = buckets[(home + distance) & (kBuckets - 1)];
    if (bucket.Count() == kSlots) continue;
    bucket.Append(fingerprint, tag, distance);
    buckets[home].Extend(distance);
    return true;
  }
  return false;
}

bool FingerprintTable::Insert(const Hash128& id, uint8_t tag) {
  if (!InsertAt(Fingerprint(id), Home(id), tag)) return false;
  ++size_;
  return true;
}

bool FingerprintTable::InsertAt(uint32_t fingerprint, uint32_t home, uint8_t tag) {
  while (!Place(PageOf(fingerprint).buckets(), fingerprint, home, tag)) {
    if (PageOf(fingerprint).depth() >= kDepthMax || !Split(fingerprint)) return false;
  }
  return true;
}

// Puts every entry of the page that `fingerprint` belongs to into one of two pages by its next bit.
// The bucket comes from other bits of the hash, so entries keep their home.
bool FingerprintTable::Split(uint32_t fingerprint) {
  const Page full = PageOf(fingerprint);
  if (full.depth() == depth_) {
    std::vector<Page> wider(directory_.size() * 2);
    for (size_t i = 0; i < wider.size(); ++i) wider[i] = directory_[i / 2];
    directory_.swap(wider);
    ++depth_;
  }
  const int depth = full.depth() + 1;
  Bucket* const low = full.buckets();
  Bucket* const high = NewBuckets();
  const size_t high_prefix = (fingerprint >> (32 - depth)) | 1U;  // the half whose new bit is set
  const size_t run = size_t{1} << (depth_ - depth);
  for (size_t i = 0; i < run; ++i) {
    directory_[(high_prefix - 1) * run + i] = Page(low, depth);
    directory_[high_prefix * run + i] = Page(high, depth);
  }
  const uint32_t bit = 1U << (32 - depth);
  std::vector<Bucket> former(low, low + kBuckets);
  std::memset(static_cast<void*>(low), 0, kPageBytes);
  for (uint32_t b = 0; b < kBuckets; ++b) {
    for (uint32_t i = 0; i < former[b].Count(); ++i) {
      const uint32_t value = former[b].fingerprint[i];
      const uint32_t home = (b - former[b].Distance(i)) & (kBuckets - 1);
      Bucket* target = (value & bit) != 0 ? high : low;
      // Half full pages all but always take it; else the half splits again.
      if (!Place(target, value, home, former[b].tag[i]) && !InsertAt(value, home, former[b].tag[i]))
        return false;
    }
  }
  return true;
}

}  // namespace tallymark
