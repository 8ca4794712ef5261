#ifndef TALLYMARK_ENGINE_RADIX_SORT_H_
#define TALLYMARK_ENGINE_RADIX_SORT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tallymark {

struct SortItem {
  uint64_t key = 0;
  uint32_t value = 0;
};

// Sorts by their `key`, stably, byte by byte from the least significant (LSD radix sort); bytes that are
// equal in all keys cost one look. *scratch keeps its memory between calls. `Items` is a std::vector
// with any allocator of SortItem or whatever else has a 64-bit key.
template <class Items>
void RadixSort(Items* items, Items* scratch) {
  using Item = typename Items::value_type;
  constexpr int kDigits = 8;
  std::array<std::array<uint32_t, 256>, kDigits> counts{};
  for (const Item& item : *items) {
    for (size_t d = 0; d < kDigits; ++d) ++counts[d][(item.key >> (8 * d)) & 0xFF];
  }
  scratch->resize(items->size());
  for (size_t d = 0; d < kDigits; ++d) {
    if (items->empty() || counts[d][((*items)[0].key >> (8 * d)) & 0xFF] == items->size()) continue;
    std::array<uint32_t, 256> next{};
    uint32_t sum = 0;
    for (size_t v = 0; v < 256; ++v) {
      next[v] = sum;
      sum += counts[d][v];
    }
    for (const Item& item : *items) (*scratch)[next[(item.key >> (8 * d)) & 0xFF]++] = item;
    items->swap(*scratch);
  }
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_RADIX_SORT_H_
