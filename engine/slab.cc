#include "engine/slab.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

namespace tallymark {

namespace {

constexpr size_t kHugePage = size_t{2} << 20;

bool WantsHugePages(size_t bytes) { return bytes >= kHugePage / 2; }
size_t MappedSize(size_t bytes) {
  return WantsHugePages(bytes) ? (bytes + kHugePage - 1) / kHugePage * kHugePage : bytes;
}

char* Map(size_t bytes) {
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char*>(p);
}

}  // namespace

// Kernels before 6.7 do not align large mappings: then more is mapped and the ends are given back.
void* MapLarge(size_t bytes) {
  const size_t size = MappedSize(bytes);
  char* p = Map(size);
  if (!WantsHugePages(bytes)) return p;
  if (reinterpret_cast<uintptr_t>(p) % kHugePage != 0) {
    ::munmap(p, size);
    char* wide = Map(size + kHugePage);
    const size_t before = kHugePage - reinterpret_cast<uintptr_t>(wide) % kHugePage;
    p = wide + before;
    ::munmap(wide, before);
    if (before < kHugePage) ::munmap(p + size, kHugePage - before);
  }
  // Advice only: without huge pages everything works, slower at first touch.
  (void)::madvise(p, size, MADV_HUGEPAGE);
  return p;
}

void UnmapLarge(void* memory, size_t bytes) noexcept { ::munmap(memory, MappedSize(bytes)); }

Slab::Slab(size_t bytes) : data_(static_cast<char*>(MapLarge(bytes))), size_(bytes) {}

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
    slabs_.emplace_back(std::max(kSlabBytes, piece_bytes_));
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
