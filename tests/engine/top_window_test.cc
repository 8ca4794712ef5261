#include "engine/top_window.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int32_t kEnd = 1000;

int64_t Total(const TopWindow& window, uint32_t ad) {
  return ad < window.totals().size() ? int64_t{window.totals()[ad]} : 0;
}

TEST(TopWindowTest, IsInvalidUntilItIsFirstFilled) {
  TopWindow window;
  EXPECT_FALSE(window.valid());
  window.Add(1, 0, 5);
  EXPECT_EQ(Total(window, 1), 0);
  window.Restart(kEnd, {3, 0, 7});
  EXPECT_TRUE(window.valid());
  EXPECT_EQ(window.end(), kEnd);
  EXPECT_EQ(Total(window, 2), 7);
}

TEST(TopWindowTest, CountsTheSixtyMinutesBeforeItsEndAndNoOther) {
  TopWindow window;
  window.Restart(kEnd, {});
  window.Add(4, kEnd, 1);
  window.Add(4, kEnd - TopWindow::kMinutes - 1, 1);
  EXPECT_EQ(Total(window, 4), 0);
  window.Add(4, kEnd - 1, 1);
  window.Add(4, kEnd - TopWindow::kMinutes, 1);
  EXPECT_EQ(Total(window, 4), 2);
}

TEST(TopWindowTest, AnAdOfAnyNumberFindsRoom) {
  TopWindow window;
  window.Restart(kEnd, {1});
  window.Add(5'000'000, kEnd - 1, 2);
  EXPECT_EQ(Total(window, 5'000'000), 2);
  EXPECT_EQ(Total(window, 0), 1);
}

TEST(TopWindowTest, ATotalBeyond32BitsMakesItInvalidAndARestartValid) {
  TopWindow window;
  window.Restart(kEnd, {UINT32_MAX});
  EXPECT_TRUE(window.valid());
  window.Add(0, kEnd - 1, 1);
  EXPECT_FALSE(window.valid());
  window.Restart(kEnd, {int64_t{UINT32_MAX} + 1});
  EXPECT_FALSE(window.valid());
  window.Restart(kEnd, {5});
  EXPECT_TRUE(window.valid());
}

TEST(TopWindowTest, AChangeThatLeavesLessThanNothingMakesItInvalid) {
  TopWindow window;
  window.Restart(kEnd, {2});
  window.Advance(kEnd + 1, {-3});
  EXPECT_FALSE(window.valid());
}

TEST(TopWindowTest, AdvancingKeepsAdsThatTheChangeDoesNotReach) {
  TopWindow window;
  window.Restart(kEnd, {1, 2, 3});
  window.Advance(kEnd + 1, {4});
  EXPECT_EQ(Total(window, 0), 5);
  EXPECT_EQ(Total(window, 2), 3);
  window.Advance(kEnd + 2, {0, 0, 0, 9});
  EXPECT_EQ(Total(window, 3), 9);
}

TEST(TopWindowTest, MovesLikeAModel) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  std::map<int32_t, std::map<uint32_t, int64_t>> clicks;  // by minute and ad
  TopWindow window;
  int32_t end = kEnd;
  window.Restart(end, {});
  auto sum = [&](int32_t begin, int32_t limit, AdAmounts* totals, int64_t sign) {
    for (auto it = clicks.lower_bound(begin); it != clicks.end() && it->first < limit; ++it) {
      for (auto [ad, amount] : it->second) (*totals)[ad] += sign * amount;
    }
  };
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 50 != 0) {
      const auto ad = static_cast<uint32_t>(random() % 40);
      const int32_t minute = end - 70 + static_cast<int32_t>(random() % 75);
      clicks[minute][ad] += 1;
      window.Add(ad, minute, 1);
      continue;
    }
    const int32_t next = end + 1 + static_cast<int32_t>(random() % 3);
    AdAmounts change(40);
    sum(end, next, &change, 1);
    sum(end - TopWindow::kMinutes, next - TopWindow::kMinutes, &change, -1);
    window.Advance(next, change);
    end = next;
    AdAmounts expected(40);
    sum(end - TopWindow::kMinutes, end, &expected, 1);
    ASSERT_TRUE(window.valid());
    for (uint32_t ad = 0; ad < 40; ++ad) ASSERT_EQ(Total(window, ad), expected[ad]) << "seed " << seed;
  }
}

}  // namespace
}  // namespace tallymark
