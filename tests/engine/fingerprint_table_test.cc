#include "engine/fingerprint_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

class FingerprintTableTest : public ::testing::Test {
 protected:
  std::vector<int> Tags(const Hash128& id) const {
    std::vector<int> tags;
    table_.Find(id, [&](uint8_t tag) { tags.push_back(tag); });
    std::sort(tags.begin(), tags.end());
    return tags;
  }
  bool Has(const Hash128& id, uint8_t tag) const {
    const std::vector<int> tags = Tags(id);
    return std::count(tags.begin(), tags.end(), tag) > 0;
  }

  PiecePool pool_{FingerprintTable::kPageBytes};
  FingerprintTable table_{&pool_};
};

TEST_F(FingerprintTableTest, AnEmptyTableHoldsNothing) {
  EXPECT_TRUE(Tags({0, 0}).empty()) << "zeroed memory must not look like the fingerprint zero";
  EXPECT_TRUE(Tags({UINT64_MAX, UINT64_MAX}).empty());
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(FingerprintTableTest, EveryTagOfAnIdentityIsFound) {
  const Hash128 id{0x123456789ABCDEF0, 1};
  for (uint8_t tag : {3, 255, 3, 0}) ASSERT_TRUE(table_.Insert(id, tag));
  EXPECT_EQ(Tags(id), (std::vector<int>{0, 3, 3, 255}));
  EXPECT_EQ(table_.size(), 4U);
}

TEST_F(FingerprintTableTest, TheFingerprintZeroIsOneLikeAnother) {
  ASSERT_TRUE(table_.Insert({7, 0}, 9));
  EXPECT_EQ(Tags({7, 0}), std::vector<int>{9});
  EXPECT_TRUE(Tags({8, 0}).empty()) << "another bucket";
}

TEST_F(FingerprintTableTest, NothingThatWentInIsEverMissed) {
  const uint64_t seed = TestSeed();
  constexpr uint64_t kCount = 300'000;  // a hundred pages and more
  std::mt19937_64 random(seed);
  for (uint64_t i = 0; i < kCount; ++i) {
    const Hash128 id{random(), random()};
    ASSERT_TRUE(table_.Insert(id, static_cast<uint8_t>(i)));
    if (i % 1000 != 0) continue;
    std::mt19937_64 again(seed);
    for (uint64_t k = 0; k <= i; k += 97) {  // while pages split, too
      again.seed(seed);
      again.discard(2 * k);
      const uint64_t hi = again();
      ASSERT_TRUE(Has({hi, again()}, static_cast<uint8_t>(k))) << "seed " << seed << " entry " << k;
      if (k > 2000) break;
    }
  }
  std::mt19937_64 again(seed);
  for (uint64_t i = 0; i < kCount; ++i) {
    const uint64_t hi = again();
    ASSERT_TRUE(Has({hi, again()}, static_cast<uint8_t>(i))) << "seed " << seed << " entry " << i;
  }
  EXPECT_EQ(table_.size(), kCount);
}

TEST_F(FingerprintTableTest, FewStrangersAreTakenForKnown) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 300'000; ++i) ASSERT_TRUE(table_.Insert({random(), random()}, 1));
  int false_hits = 0;
  for (int i = 0; i < 300'000; ++i) false_hits += Tags({random(), random()}).empty() ? 0 : 1;
  EXPECT_LE(false_hits, 30) << "expected are 300,000 * 300,000 / 2^40 = 0.1, and twice that with spilling";
}

TEST_F(FingerprintTableTest, AFewBytesAnEntry) {
  std::mt19937_64 random(TestSeed());
  constexpr uint64_t kCount = 1'000'000;
  for (uint64_t i = 0; i < kCount; ++i) ASSERT_TRUE(table_.Insert({random(), random()}, 1));
  EXPECT_LE(table_.bytes(), kCount * 15);
  EXPECT_GE(table_.bytes(), kCount * 5);
}

TEST_F(FingerprintTableTest, OneCrowdedBucketSpillsAndIsFound) {
  // All at home in bucket 200, so near the end of the page and round to its beginning.
  for (uint64_t home : {200U, 255U}) {
    std::vector<Hash128> ids;
    for (uint64_t i = 0; i < 400; ++i) ids.push_back({(i * 0x9E3779B97F4A7C15 & ~0xFFULL) | home, i});
    for (size_t i = 0; i < ids.size(); ++i) ASSERT_TRUE(table_.Insert(ids[i], static_cast<uint8_t>(i)));
    for (size_t i = 0; i < ids.size(); ++i)
      ASSERT_TRUE(Has(ids[i], static_cast<uint8_t>(i))) << home << " " << i;
  }
}

TEST_F(FingerprintTableTest, EqualFingerprintsWithoutEndAreRefusedAndTheRestStays) {
  const Hash128 other{0x0FEDCBA987654321, 5};
  ASSERT_TRUE(table_.Insert(other, 77));
  const Hash128 id{0x1122334455667788, 1};
  uint64_t taken = 0;
  while (taken < 10'000 && table_.Insert(id, static_cast<uint8_t>(taken))) ++taken;
  EXPECT_LT(taken, 10'000U) << "they cannot be told apart by any split";
  EXPECT_GE(taken, 12U) << "a bucket of them has room";
  EXPECT_EQ(Tags(id).size(), taken);
  EXPECT_TRUE(Has(other, 77));
  ASSERT_TRUE(table_.Insert({0x2222222222222222, 1}, 5)) << "other identities still go in";
  EXPECT_TRUE(Has({0x2222222222222222, 1}, 5));
  EXPECT_EQ(table_.size(), taken + 2);
}

TEST_F(FingerprintTableTest, PagesGoBackToThePool) {
  PiecePool pool(FingerprintTable::kPageBytes);
  std::mt19937_64 random(1);
  for (int round = 0; round < 3; ++round) {
    FingerprintTable table(&pool);
    EXPECT_EQ(table.size(), 0U);
    int found = 0;
    table.Find({3, 3}, [&](uint8_t) { ++found; });
    EXPECT_EQ(found, 0) << "memory used before is as good as fresh";
    for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(table.Insert({random(), random()}, 1));
    ASSERT_TRUE(table.Insert({3, 3}, 1));
  }
}

}  // namespace
}  // namespace tallymark
