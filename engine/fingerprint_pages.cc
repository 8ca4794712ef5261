#include "engine/fingerprint_pages.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/fingerprint_move.h"

namespace tallymark {

FingerprintPages::FingerprintPages(PiecePool* pool) : pool_(pool) {
  directory_.resize(size_t{1} << kDepthMin, FingerprintPage(kDepthMin));
  for (FingerprintPage& page : directory_) {
    page.Add(NewChunk());
    std::memset(static_cast<void*>(page.chunk(0)), 0, kChunkBytes);
  }
}

FingerprintPages::~FingerprintPages() {
  for (size_t index = 0; index < directory_.size();) {
    const FingerprintPage& page = directory_[index];
    for (uint32_t i = 0; i < page.chunks(); ++i) pool_->Give(reinterpret_cast<char*>(page.chunk(i)));
    index += size_t{1} << (depth_ - page.depth());
  }
}

FingerprintBucket* FingerprintPages::NewChunk() {
  ++chunks_;
  return reinterpret_cast<FingerprintBucket*>(pool_->Take());
}

bool FingerprintPages::Insert(Fingerprint fingerprint, uint8_t tag) {
  while (!Place(fingerprint, tag)) {
    if (!Grow(fingerprint)) return false;
  }
  return true;
}

bool FingerprintPages::Place(Fingerprint fingerprint, uint8_t tag) {
  const FingerprintPage& page = PageOf(fingerprint);
  const uint32_t rest = Rest(fingerprint, page);
  const uint32_t buckets = page.buckets();
  const uint32_t home = FingerprintPage::HomeOf(rest, buckets);
  uint32_t at = home;
  for (uint32_t reach = 0; reach <= FingerprintBucket::kReachMax; ++reach) {
    FingerprintBucket& bucket = page.bucket(at);
    if (bucket.Holds(rest, tag)) return true;
    if (bucket.Count() < FingerprintBucket::kSlots) {
      bucket.Append(rest, tag);
      if (reach > 0) page.bucket(home).Extend(reach);
      return true;
    }
    if (++at == buckets) at = 0;
  }
  return false;
}

bool FingerprintPages::Grow(Fingerprint fingerprint) {
  const FingerprintPage& page = PageOf(fingerprint);
  // The first of those places of the directory that lead to it.
  const size_t index = IndexOf(fingerprint) >> (depth_ - page.depth()) << (depth_ - page.depth());
  return page.chunks() < FingerprintPage::kChunksMax ? Widen(index) : Split(index);
}

void FingerprintPages::StorePage(size_t index, const FingerprintPage& page) {
  const size_t run = size_t{1} << (depth_ - page.depth());
  for (size_t i = 0; i < run; ++i) directory_[index + i] = page;
}

bool FingerprintPages::Widen(size_t index) {
  const FingerprintPage full = directory_[index];
  const TakenFingerprints taken(full);
  FingerprintPage page = full;
  page.Add(NewChunk());
  FingerprintFill fill(page);
  std::vector<Entry> left;
  taken.ForEach([&](uint32_t word, uint8_t high_half) {
    if (!fill.Add(word, high_half)) left.push_back(EntryOf(index, full, word, high_half));
  });
  fill.Finish();
  StorePage(index, page);
  return InsertAll(left);
}

// Each half takes half of the chunks and a fresh one: a half alone would be as full as the whole was.
bool FingerprintPages::Split(size_t index) {
  const int depth = directory_[index].depth() + 1;
  if (depth > kDepthMax) return false;
  if (depth > depth_) {
    DoubleDirectory();
    index *= 2;
  }
  const FingerprintPage full = directory_[index];
  const TakenFingerprints taken(full);
  std::array<FingerprintPage, 2> halves = {FingerprintPage(depth), FingerprintPage(depth)};
  for (uint32_t i = 0; i < full.chunks(); ++i) halves[i * 2 / full.chunks()].Add(full.chunk(i));
  for (FingerprintPage& half : halves) half.Add(NewChunk());
  std::array<FingerprintFill, 2> fills = {FingerprintFill(halves[0]), FingerprintFill(halves[1])};
  std::vector<Entry> left;
  taken.ForEach([&](uint32_t word, uint8_t high_half) {
    const uint32_t shorter = word >> 4 << 5 | (word & 15U);  // the page knows one bit more
    if (!fills[word >> 31].Add(shorter, high_half)) left.push_back(EntryOf(index, full, word, high_half));
  });
  for (size_t i = 0; i < 2; ++i) {
    fills[i].Finish();
    StorePage(index + (i << (depth_ - depth)), halves[i]);
  }
  return InsertAll(left);
}

FingerprintPages::Entry FingerprintPages::EntryOf(size_t index, const FingerprintPage& page, uint32_t word,
                                                  uint8_t high_half) const {
  const Fingerprint rest = Fingerprint{word >> 4} << kDepthMin >> page.depth();
  return {Fingerprint{index} << (kFingerprintBits - depth_) | rest,
          static_cast<uint8_t>(high_half << 4 | (word & 15U))};
}

// Of those that found no place in a page that had just grown, if there ever are any.
bool FingerprintPages::InsertAll(const std::vector<Entry>& left) {
  return std::ranges::all_of(left, [&](const Entry& e) { return Insert(e.fingerprint, e.tag); });
}

void FingerprintPages::DoubleDirectory() {
  BigVector<FingerprintPage> wider(directory_.size() * 2);
  for (size_t i = 0; i < wider.size(); ++i) wider[i] = directory_[i / 2];
  directory_.swap(wider);
  ++depth_;
}

}  // namespace tallymark
