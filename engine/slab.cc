#include "engine/slab.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "engine/large_pool.h"

namespace tallymark {

namespace {

constexpr size_t kPage = LargePool::kPageBytes;

bool FromPool(size_t bytes) { return bytes >= kPage / 2; }
size_t WholePages(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

}  // namespace

void* MapLarge(size_t bytes) {
  return FromPool(bytes) ? LargePool::OfProcess().Take(WholePages(bytes)).data : ::operator new(bytes);
}

void* MapLargeZeroed(size_t bytes) {
  if (!FromPool(bytes)) return std::memset(::operator new(bytes), 0, bytes);
  const LargePool::Range range = LargePool::OfProcess().Take(WholePages(bytes));
  std::memset(range.data, 0, std::min(range.used, bytes));
  return range.data;
}

void UnmapLarge(void* memory, size_t bytes) noexcept {
  if (FromPool(bytes)) {
    LargePool::OfProcess().Give(static_cast<char*>(memory), WholePages(bytes));
  } else {
    ::operator delete(memory);
  }
}

Slab::Slab(size_t bytes) : data_(static_cast<char*>(MapLargeZeroed(bytes))), size_(bytes) {}

Slab Slab::Unclean(size_t bytes) {
  Slab slab;
  slab.data_ = static_cast<char*>(MapLarge(bytes));
  slab.size_ = bytes;
  return slab;
}

Slab::~Slab() {
  if (data_ != nullptr) UnmapLarge(data_, size_);
}

Slab::Slab(Slab&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Slab& Slab::operator=(Slab&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

char* PiecePool::Take() {
  constexpr size_t kSlabBytes = size_t{8} << 20;
  std::lock_guard lock(mutex_);
  if (!idle_.empty()) {
    char* piece = idle_.back();
    idle_.pop_back();
    return piece;
  }
  if (slabs_.empty() || used_of_last_ + piece_bytes_ > slabs_.back().size()) {
    slabs_.push_back(Slab::Unclean(std::max(kSlabBytes, piece_bytes_)));
    used_of_last_ = 0;
  }
  char* piece = slabs_.back().data() + used_of_last_;
  used_of_last_ += piece_bytes_;
  return piece;
}

void PiecePool::Give(char* piece) {
  std::lock_guard lock(mutex_);
  idle_.push_back(piece);
}

}  // namespace tallymark
