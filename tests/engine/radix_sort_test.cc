#include "engine/radix_sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

std::vector<std::pair<uint64_t, uint32_t>> Pairs(const std::vector<SortItem>& items) {
  std::vector<std::pair<uint64_t, uint32_t>> pairs;
  for (const SortItem& item : items) pairs.emplace_back(item.key, item.value);
  return pairs;
}

void ExpectSortsLikeStableSort(std::vector<SortItem> items) {
  std::vector<SortItem> expected = items;
  std::stable_sort(expected.begin(), expected.end(),
                   [](const SortItem& a, const SortItem& b) { return a.key < b.key; });
  std::vector<SortItem> scratch;
  RadixSort(&items, &scratch);
  EXPECT_EQ(Pairs(items), Pairs(expected));
}

TEST(RadixSortTest, NothingAndOneItemStay) {
  ExpectSortsLikeStableSort({});
  ExpectSortsLikeStableSort({{UINT64_MAX, 3}});
}

TEST(RadixSortTest, KeysAreUnsignedOf64Bits) {
  ExpectSortsLikeStableSort({{UINT64_MAX, 0}, {uint64_t{1} << 63, 1}, {0, 2}, {255, 3}, {256, 4}});
}

TEST(RadixSortTest, EqualKeysKeepTheirOrder) {
  std::vector<SortItem> items;
  for (uint32_t i = 0; i < 1000; ++i) items.push_back({i % 3 == 0 ? 7U : 8U, i});
  ExpectSortsLikeStableSort(items);
  ExpectSortsLikeStableSort(std::vector<SortItem>(500, SortItem{42, 1}));
}

TEST(RadixSortTest, AnyDigitsThatDifferAreSorted) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 256; ++round) {  // which of the eight bytes vary
    uint64_t mask = 0;
    for (int byte = 0; byte < 8; ++byte) mask |= (round >> byte & 1) != 0 ? uint64_t{0xFF} << (8 * byte) : 0;
    const uint64_t rest = random() & ~mask;
    std::vector<SortItem> items(random() % 600);
    for (size_t i = 0; i < items.size(); ++i) items[i] = {(random() & mask) | rest, static_cast<uint32_t>(i)};
    ExpectSortsLikeStableSort(items);
  }
}

TEST(RadixSortTest, ScratchOfAnotherSizeDoesNoHarm) {
  std::vector<SortItem> scratch(5000, SortItem{1, 1});
  std::vector<SortItem> items = {{3, 0}, {1, 1}, {2, 2}};
  RadixSort(&items, &scratch);
  EXPECT_EQ(Pairs(items), (std::vector<std::pair<uint64_t, uint32_t>>{{1, 1}, {2, 2}, {3, 0}}));
  items = {{9, 0}, {8, 1}, {7, 2}, {6, 3}, {5, 4}};
  RadixSort(&items, &scratch);
  EXPECT_TRUE(std::is_sorted(items.begin(), items.end(),
                             [](const SortItem& a, const SortItem& b) { return a.key < b.key; }));
  EXPECT_EQ(items.size(), 5U);
}

}  // namespace
}  // namespace tallymark
