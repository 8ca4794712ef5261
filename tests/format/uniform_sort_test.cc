#include "format/uniform_sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

struct SortItem {
  uint64_t key = 0;
  uint32_t value = 0;
};
uint64_t KeyOf(const SortItem& item) { return item.key; }
bool Less(const SortItem& a, const SortItem& b) { return a.key != b.key ? a.key < b.key : a.value < b.value; }

void ExpectSorts(UniformSort* sort, std::vector<SortItem> items, unsigned skipped_bits) {
  std::vector<SortItem> expected = items;
  std::sort(expected.begin(), expected.end(), Less);
  std::vector<SortItem> scratch;
  sort->Sort(&items, &scratch, skipped_bits, KeyOf, Less);
  ASSERT_EQ(items.size(), expected.size());
  for (size_t i = 0; i < items.size(); ++i) {
    ASSERT_EQ(items[i].key, expected[i].key) << i;
    ASSERT_EQ(items[i].value, expected[i].value) << i;
  }
}

TEST(UniformSortTest, HashesOfEverySizeAndPrefix) {
  std::mt19937_64 random(TestSeed());
  UniformSort sort;
  for (size_t count : {0U, 1U, 2U, 3U, 63U, 64U, 65U, 1000U, 31'000U}) {
    for (unsigned skipped : {0U, 1U, 8U, 24U}) {
      std::vector<SortItem> items;
      const uint64_t prefix = skipped == 0 ? 0 : random() << (64 - skipped);
      for (uint32_t i = 0; i < count; ++i) items.push_back({prefix | random() >> skipped, i});
      ExpectSorts(&sort, items, skipped);
    }
  }
}

TEST(UniformSortTest, KeysThatAreNotUniformAreSortedToo) {
  std::mt19937_64 random(TestSeed());
  UniformSort sort;
  std::vector<SortItem> equal, few, low;
  for (uint32_t i = 0; i < 5000; ++i) {
    equal.push_back({42, 5000 - i});
    few.push_back({random() % 3 << 60, i});
    low.push_back({random() % 100, i});
  }
  for (const auto& items : {equal, few, low}) ExpectSorts(&sort, items, 0);
  ExpectSorts(&sort, equal, 63);
}

}  // namespace
}  // namespace tallymark
