#ifndef TALLYMARK_FORMAT_UNIFORM_SORT_H_
#define TALLYMARK_FORMAT_UNIFORM_SORT_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tallymark {

// Sorts items whose 64-bit keys are uniform behind `skipped_bits` that are the same in all of them, such
// as hashes: the next bits of a key tell its place to within a few (bucket sort with a cell an item).
// `less` orders items as their key(item) does, and those of equal keys as well. Other keys are sorted
// too, slower. Keeps its memory.
class UniformSort {
 public:
  template <class Item, class Key, class Less>
  void Sort(std::vector<Item>* items, std::vector<Item>* scratch, unsigned skipped_bits, Key key, Less less) {
    const auto cell_bits = static_cast<unsigned>(std::bit_width(items->size()));
    if (items->size() < 2 || skipped_bits + cell_bits >= 64)
      return std::sort(items->begin(), items->end(), less);
    auto cell = [&](const Item& item) { return key(item) << skipped_bits >> (64 - cell_bits); };
    ends_.assign(size_t{1} << cell_bits, 0);
    for (const Item& item : *items) ++ends_[cell(item)];
    uint32_t sum = 0;
    for (uint32_t& end : ends_) sum += std::exchange(end, sum);
    scratch->resize(items->size());
    for (const Item& item : *items) (*scratch)[ends_[cell(item)]++] = item;
    items->swap(*scratch);
    uint32_t begin = 0;
    for (uint32_t end : ends_) {
      if (end - begin > 1) std::sort(items->begin() + begin, items->begin() + end, less);
      begin = end;
    }
  }

 private:
  std::vector<uint32_t> ends_;  // of each cell, once its items are placed
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_UNIFORM_SORT_H_
