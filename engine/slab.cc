#include "engine/slab.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <utility>

namespace tallymark {

Slab::Slab(size_t bytes) : size_(bytes) {
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  // Advice only: without huge pages everything works, slower at first touch.
  (void)::madvise(p, bytes, MADV_HUGEPAGE);
  data_ = static_cast<char*>(p);
}

Slab::~Slab() {
  if (data_ != nullptr) ::munmap(data_, size_);
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
