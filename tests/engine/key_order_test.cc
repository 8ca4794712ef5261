#include "engine/key_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

using Keys = std::vector<std::pair<uint32_t, uint32_t>>;

void ExpectSortsLikeStableSort(KeyOrder* order, const Keys& keys) {
  std::vector<uint32_t> expected;
  for (uint32_t i = 0; i < keys.size(); ++i) expected.push_back(i);
  std::stable_sort(expected.begin(), expected.end(),
                   [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
  order->Clear();
  for (const auto& [major, minor] : keys) order->Add(major, minor);
  const std::span<const uint32_t> places = order->Sort();
  EXPECT_EQ(std::vector<uint32_t>(places.begin(), places.end()), expected);
}

// Keys whose parts differ in so many of their lowest bits.
Keys RandomKeys(std::mt19937_64* random, size_t size, unsigned major_bits, unsigned minor_bits) {
  const auto major_base = static_cast<uint32_t>((*random)());
  const auto minor_base = static_cast<uint32_t>((*random)());
  auto value = [&](uint32_t base, unsigned bits) {
    return bits == 32 ? static_cast<uint32_t>((*random)())
                      : static_cast<uint32_t>((base >> bits << bits) + ((*random)() & ((1U << bits) - 1)));
  };
  Keys keys;
  for (size_t i = 0; i < size; ++i)
    keys.emplace_back(value(major_base, major_bits), value(minor_base, minor_bits));
  return keys;
}

TEST(KeyOrderTest, NothingAndOneItemStay) {
  KeyOrder order;
  ExpectSortsLikeStableSort(&order, {});
  ExpectSortsLikeStableSort(&order, {{UINT32_MAX, 0}});
}

TEST(KeyOrderTest, PartsAreUnsignedAndTheFirstDecides) {
  KeyOrder order;
  ExpectSortsLikeStableSort(&order, {{1, UINT32_MAX}, {UINT32_MAX, 0}, {0x8000'0000U, 5}, {0, 9}, {1, 0}});
}

TEST(KeyOrderTest, EqualKeysKeepTheirOrder) {
  KeyOrder order;
  ExpectSortsLikeStableSort(&order, Keys(300, {4, 4}));
  Keys keys;
  for (uint32_t i = 0; i < 1000; ++i) keys.emplace_back(7, i % 3 == 0 ? 1 : 0);
  ExpectSortsLikeStableSort(&order, keys);
}

// Parts that are 32 bits apart each leave no room for a place beside them in a word.
TEST(KeyOrderTest, AnyWidthsAreSorted) {
  std::mt19937_64 random(TestSeed());
  KeyOrder order;
  for (unsigned major_bits = 0; major_bits <= 32; major_bits += 4) {
    for (unsigned minor_bits = 0; minor_bits <= 32; ++minor_bits)
      ExpectSortsLikeStableSort(&order, RandomKeys(&random, random() % 700, major_bits, minor_bits));
  }
}

TEST(KeyOrderTest, ABatchOfAdsAndHoursIsSorted) {
  std::mt19937_64 random(TestSeed());
  KeyOrder order;
  ExpectSortsLikeStableSort(&order, RandomKeys(&random, 16'384, 1, 20));
  ExpectSortsLikeStableSort(&order, RandomKeys(&random, 16'384, 24, 5));
}

}  // namespace
}  // namespace tallymark
