#include "engine/fingerprint_table.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <vector>

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
  // The same for the same number, any number of them in any order.
  static Hash128 Id(uint64_t seed, uint64_t number) {
    return {XXH3_64bits_withSeed(&number, sizeof(number), seed), number};
  }

  PiecePool pool_{FingerprintTable::kPieceBytes};
  FingerprintTable table_{&pool_};
};

TEST_F(FingerprintTableTest, AnEmptyTableHoldsNothing) {
  EXPECT_TRUE(Tags({0, 0}).empty()) << "zeroed memory must not look like the fingerprint zero";
  EXPECT_TRUE(Tags({UINT64_MAX, UINT64_MAX}).empty());
}

TEST_F(FingerprintTableTest, EveryTagOfAnIdentityIsFoundOnce) {
  const Hash128 id{0x123456789ABCDEF0, 1};
  for (uint8_t tag : {3, 255, 3, 0}) ASSERT_TRUE(table_.Insert(id, tag));
  EXPECT_EQ(Tags(id), (std::vector<int>{0, 3, 255}));
}

TEST_F(FingerprintTableTest, TheFingerprintZeroIsOneLikeAnother) {
  ASSERT_TRUE(table_.Insert({7, 0}, 0));
  EXPECT_EQ(Tags({7, 0}), std::vector<int>{0});
  EXPECT_TRUE(Tags({uint64_t{1} << 24, 0}).empty());
}

TEST_F(FingerprintTableTest, AFewBytesForAFewEntries) {
  EXPECT_LE(table_.bytes(), 1024U);
  const uint64_t seed = TestSeed();
  for (uint64_t i = 0; i < 10'000; ++i) ASSERT_TRUE(table_.Insert(Id(seed, i), 1));
  EXPECT_LE(table_.bytes(), 10'000U * 33);
}

TEST_F(FingerprintTableTest, NothingThatWentInIsMissedBeforeOrAfterTheTableTakesPages) {
  const uint64_t seed = TestSeed();
  constexpr uint64_t kCount = 2'000'000;
  auto check = [&](uint64_t count) {
    for (uint64_t i = 0; i < count; i += 1 + count / 20'000)
      ASSERT_TRUE(Has(Id(seed, i), static_cast<uint8_t>(i))) << i << " of " << count;
  };
  for (uint64_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(table_.Insert(Id(seed, i), static_cast<uint8_t>(i)));
    if ((i & (i + 1)) == 0 || i + 1 == kCount) check(i + 1);
  }
  EXPECT_GE(table_.bytes(), kCount * 64 / 14);
  EXPECT_LE(table_.bytes(), kCount * 10);
  int false_hits = 0;
  for (uint64_t i = kCount; i < kCount + 500'000; ++i) false_hits += Tags(Id(seed, i)).empty() ? 0 : 1;
  EXPECT_LE(false_hits, 10) << "expected are 500,000 * 2,000,000 / 2^40 = 0.9";
}

TEST_F(FingerprintTableTest, OneIdentityOverAndOverAgainTakesNoRoom) {
  const Hash128 id{0x1122334455667788, 1};
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(table_.Insert(id, static_cast<uint8_t>(i % 100)));
  EXPECT_EQ(Tags(id).size(), 100U);
  EXPECT_LE(table_.bytes(), 8192U);
}

}  // namespace
}  // namespace tallymark
