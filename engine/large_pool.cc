#include "engine/large_pool.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace tallymark {

namespace {

constexpr size_t kPage = LargePool::kPageBytes;

// With `at`, there, in place of what may be mapped.
char* Map(size_t bytes, char* at = nullptr) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (at != nullptr ? MAP_FIXED : 0);
  void* p = ::mmap(at, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char*>(p);
}

// Advice only: without huge pages everything works, slower at first touch.
void AskForHugePages(char* data, size_t size) { (void)::madvise(data, size, MADV_HUGEPAGE); }

// Kernels before 6.7 do not align large mappings: then more is mapped and the ends are given back.
char* MapAligned(size_t size) {
  char* p = Map(size);
  if (reinterpret_cast<uintptr_t>(p) % kPage != 0) {
    ::munmap(p, size);
    char* wide = Map(size + kPage);
    const size_t before = kPage - reinterpret_cast<uintptr_t>(wide) % kPage;
    p = wide + before;
    ::munmap(wide, before);
    if (before < kPage) ::munmap(p + size, kPage - before);
  }
  AskForHugePages(p, size);
  return p;
}

// Moves pages to the same number of fresh ones; says how many bytes went, fewer where the system has
// no room for more mappings. One page a call: kernels before 6.17 do not move across two mappings. A call
// that fails may have unmapped the place that it was to fill.
size_t MovePages(char* from, size_t size, char* to) {
  for (size_t at = 0; at < size; at += kPage) {
    void* moved = ::mremap(from + at, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, to + at);
    if (moved != MAP_FAILED) continue;
    AskForHugePages(Map(kPage, to + at), kPage);
    return at;
  }
  return size;
}

}  // namespace

LargePool& LargePool::OfProcess() {
  static auto* pool = new LargePool;
  return *pool;
}

LargePool::~LargePool() {
  for (const auto& [data, size] : TakeParts(idle_bytes_)) ::munmap(data, size);
}

LargePool::Range LargePool::Take(size_t size) {
  if (char* whole = TakeWhole(size)) return {whole, size};
  Range range{MapAligned(size), 0};
  for (const auto& [data, bytes] : TakeParts(size)) {
    const size_t moved = MovePages(data, bytes, range.data + range.used);
    range.used += moved;
    if (moved < bytes) Give(data + moved, bytes - moved);
  }
  return range;
}

// The shortest idle range that is long enough, or nullptr.
char* LargePool::TakeWhole(size_t size) {
  std::lock_guard lock(mutex_);
  auto best = idle_.end();
  for (auto it = idle_.begin(); it != idle_.end(); ++it) {
    if (it->second >= size && (best == idle_.end() || it->second < best->second)) best = it;
  }
  if (best == idle_.end()) return nullptr;
  char* data = best->first;
  CutFront(best, size);
  return data;
}

std::vector<LargePool::Extent> LargePool::TakeParts(size_t size) {
  std::lock_guard lock(mutex_);
  return TakeLocked(std::min(size, idle_bytes_));
}

// As much as asked for, which must be there, the shortest ranges first: so few scraps are left.
std::vector<LargePool::Extent> LargePool::TakeLocked(size_t size) {
  std::vector<Extent> parts;
  for (const auto& extent : idle_) parts.emplace_back(extent);
  std::sort(parts.begin(), parts.end(), [](const Extent& a, const Extent& b) { return a.second < b.second; });
  size_t count = 0;
  for (; size > 0; ++count) {
    Extent& part = parts[count];
    part.second = std::min(part.second, size);
    size -= part.second;
    CutFront(idle_.find(part.first), part.second);
  }
  parts.resize(count);
  return parts;
}

void LargePool::CutFront(std::map<char*, size_t>::iterator extent, size_t size) {
  char* data = extent->first;
  if (extent->second > size) {
    auto node = idle_.extract(extent);
    node.key() += size;
    node.mapped() -= size;
    idle_.insert(std::move(node));
  } else {
    idle_.erase(extent);
  }
  ASAN_UNPOISON_MEMORY_REGION(data, size);
  idle_bytes_ -= size;
  least_idle_ = std::min(least_idle_, idle_bytes_);
}

void LargePool::Give(char* data, size_t size) noexcept {
  try {
    std::lock_guard lock(mutex_);
    AddLocked(data, size);
  } catch (const std::bad_alloc&) {
    ::munmap(data, size);
  }
}

void LargePool::AddLocked(char* data, size_t size) {
  auto [it, added] = idle_.emplace(data, size);
  ASAN_POISON_MEMORY_REGION(data, size);
  idle_bytes_ += size;
  if (const auto next = std::next(it); next != idle_.end() && data + size == next->first) {
    it->second += next->second;
    idle_.erase(next);
  }
  if (it == idle_.begin()) return;
  if (const auto before = std::prev(it); before->first + before->second == data) {
    before->second += it->second;
    idle_.erase(it);
  }
}

void LargePool::Trim() noexcept {
  std::vector<Extent> parts;
  try {
    std::lock_guard lock(mutex_);
    parts = TakeLocked(least_idle_);
    least_idle_ = idle_bytes_;
  } catch (const std::bad_alloc&) {
    return;  // the next call tries again
  }
  for (const auto& [data, size] : parts) ::munmap(data, size);
}

size_t LargePool::idle_bytes() const {
  std::lock_guard lock(mutex_);
  return idle_bytes_;
}

}  // namespace tallymark
