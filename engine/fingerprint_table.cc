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

bool FingerprintTable::Insert(const Hash128& id, uint8_t tag) {
  const uint32_t fingerprint = Fingerprint(id);
  while (PageOf(fingerprint).entries >= kSplitAt && PageOf(fingerprint).depth < kDepthMax) Split(fingerprint);
  Page& page = const_cast<Page&>(PageOf(fingerprint));
  if (page.entries >= kBuckets * kSlots) return false;
  uint32_t index = Home(id);
  while (page.buckets[index].count == kSlots) {
    page.buckets[index].spilled = 1;
    index = (index + 1) & (kBuckets - 1);
  }
  Bucket& bucket = page.buckets[index];
  bucket.fingerprint[bucket.count] = fingerprint;
  bucket.tag[bucket.count] = tag;
  ++bucket.count;
  ++page.entries;
  ++size_;
  return true;
}

// An entry keeps its bucket when its page splits, since the bucket comes from other bits of the
// hash than the page. Spill marks are copied to both halves: an entry may lie beyond one.
void FingerprintTable::Split(uint32_t fingerprint) {
  Page& low = const_cast<Page&>(PageOf(fingerprint));
  if (low.depth == depth_) {
    std::vector<Page*> wider(directory_.size() * 2);
    for (size_t i = 0; i < wider.size(); ++i) wider[i] = directory_[i / 2];
    directory_.swap(wider);
    ++depth_;
  }
  const int depth = ++low.depth;
  Page& high = *NewPage(depth);
  const uint32_t bit = 1U << (32 - depth);
  for (uint32_t b = 0; b < kBuckets; ++b) {
    Bucket& from = low.buckets[b];
    Bucket& to = high.buckets[b];
    to.spilled = from.spilled;
    uint8_t kept = 0;
    for (uint8_t i = 0; i < from.count; ++i) {
      Bucket& target = (from.fingerprint[i] & bit) != 0 ? to : from;
      uint8_t& n = &target == &to ? to.count : kept;
      target.fingerprint[n] = from.fingerprint[i];
      target.tag[n] = from.tag[i];
      ++n;
    }
    from.count = kept;
    high.entries += to.count;
  }
  low.entries -= high.entries;
  const uint32_t prefix = (fingerprint >> (32 - depth)) | 1U;  // the half whose new bit is set
  const size_t run = size_t{1} << (depth_ - depth);
  for (size_t i = 0; i < run; ++i) directory_[prefix * run + i] = &high;
}

}  // namespace tallymark
