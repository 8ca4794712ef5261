#include "engine/fingerprint_table.h"

#include <cstring>

namespace tallymark {

FingerprintTable::FingerprintTable(PiecePool* pool) : pool_(pool) { directory_.push_back(NewPage(0)); }

FingerprintTable::~FingerprintTable() {
  for (auto& page : pages_) pool_->Give(reinterpret_cast<char*>(page->buckets));
}

FingerprintTable::Page* FingerprintTable::NewPage(int depth) {
  auto page = std::make_unique<Page>();
  char* memory = pool_->Take();
  std::memset(memory, 0, kPageBytes);
  page->buckets = reinterpret_cast<Bucket*>(memory);
  page->depth = depth;
  pages_.push_back(std::move(page));
  return pages_.back().get();
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

bool FingerprintTable::Place(Page* page, uint32_t fingerprint, uint32_t home, uint8_t tag) {
  for (uint32_t distance = 0; distance <= kDistanceMax; ++distance) {
    Bucket& bucket = page->buckets[(home + distance) & (kBuckets - 1)];
    if (bucket.Count() == kSlots) continue;
    bucket.Append(fingerprint, tag, distance);
    page->buckets[home].Extend(distance);
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
  while (!Place(const_cast<Page*>(&PageOf(fingerprint)), fingerprint, home, tag)) {
    if (PageOf(fingerprint).depth >= kDepthMax || !Split(fingerprint)) return false;
  }
  return true;
}

// Puts every entry of the page that `fingerprint` belongs to into one of two pages by its next bit.
// The bucket comes from other bits of the hash, so entries keep their home.
bool FingerprintTable::Split(uint32_t fingerprint) {
  Page& low = const_cast<Page&>(PageOf(fingerprint));
  if (low.depth == depth_) {
    std::vector<Page*> wider(directory_.size() * 2);
    for (size_t i = 0; i < wider.size(); ++i) wider[i] = directory_[i / 2];
    directory_.swap(wider);
    ++depth_;
  }
  const int depth = ++low.depth;
  Page& high = *NewPage(depth);
  const uint32_t prefix = (fingerprint >> (32 - depth)) | 1U;  // the half whose new bit is set
  const size_t run = size_t{1} << (depth_ - depth);
  for (size_t i = 0; i < run; ++i) directory_[prefix * run + i] = &high;
  const uint32_t bit = 1U << (32 - depth);
  std::vector<Bucket> former(low.buckets, low.buckets + kBuckets);
  std::memset(static_cast<void*>(low.buckets), 0, kPageBytes);
  for (uint32_t b = 0; b < kBuckets; ++b) {
    for (uint32_t i = 0; i < former[b].Count(); ++i) {
      const uint32_t value = former[b].fingerprint[i];
      const uint32_t home = (b - former[b].Distance(i)) & (kBuckets - 1);
      Page* target = (value & bit) != 0 ? &high : &low;
      // Half full pages all but always take it; else the half splits again.
      if (!Place(target, value, home, former[b].tag[i]) && !InsertAt(value, home, former[b].tag[i]))
        return false;
    }
  }
  return true;
}

}  // namespace tallymark
