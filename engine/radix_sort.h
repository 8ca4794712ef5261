#ifndef TALLYMARK_ENGINE_RADIX_SORT_H_
#define TALLYMARK_ENGINE_RADIX_SORT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tallymark {

struct SortItem {
  uint64_t key = 0;
  uint32_t value = 0;
};

// Sorts by their `key`, stably, byte by byte from the least significant (LSD radix sort). Keys that are
// sorted already cost one look, and so do bytes that are equal in all keys. *scratch keeps its memory
// between calls. `Items` is a std::vector with any allocator of SortItem or whatever else has a 64-bit
// key.
template <class Items>
void RadixSort(Items* items, Items* scratch) {
  using Item = typename Items::value_type;
  constexpr unsigned kKeyBits = 64;
  uint64_t last = 0;
  uint64_t varying = 0;
  bool sorted = true;
  for (const Item& item : *items) {
    sorted &= last <= item.key;
    last = item.key;
    varying |= item.key ^ items->front().key;
  }
  if (sorted) return;
  scratch->resize(items->size());
  for (unsigned shift = 0; shift < kKeyBits; shift += 8) {
    if ((varying >> shift & 0xFF) == 0) continue;
    std::array<uint32_t, 256> next{};
    for (const Item& item : *items) ++next[item.key >> shift & 0xFF];
    uint32_t sum = 0;
    for (uint32_t& n : next) sum += std::exchange(n, sum);
    for (const Item& item : *items) (*scratch)[next[item.key >> shift & 0xFF]++] = item;
    items->swap(*scratch);
  }
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_RADIX_SORT_H_
