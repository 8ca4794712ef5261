#include "engine/top_window.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int32_t kEnd = 1000;

// The window is [end - 60, end) with these totals.
void Fill(TopWindow* window, int32_t end, const AdAmounts& totals) {
  window->BeginMove(
      std::make_unique<WindowMove>(MinuteRange{end - TopWindow::kMinutes, end}, MinuteRange(), 0));
  window->FinishMove(totals);
}

void Move(TopWindow* window, int32_t end, const AdAmounts& change) {
  const TopWindow::Plan plan = window->PlanMove(end);
  window->BeginMove(std::make_unique<WindowMove>(plan.in, plan.out, 0));
  window->FinishMove(change);
}

int64_t Total(const TopWindow& window, uint32_t ad) {
  return ad < window.totals().size() ? int64_t{window.totals()[ad]} : 0;
}

TEST(TopWindowTest, IsInvalidUntilItIsFirstFilled) {
  TopWindow window;
  EXPECT_FALSE(window.valid());
  window.Add(1, 0, 5);
  EXPECT_EQ(Total(window, 1), 0);
  Fill(&window, kEnd, {3, 0, 7});
  EXPECT_TRUE(window.valid());
  EXPECT_EQ(window.end(), kEnd);
  EXPECT_EQ(Total(window, 2), 7);
}

TEST(TopWindowTest, CountsTheSixtyMinutesBeforeItsEndAndNoOther) {
  TopWindow window;
  Fill(&window, kEnd, {});
  window.Add(4, kEnd, 1);
  window.Add(4, kEnd - TopWindow::kMinutes - 1, 1);
  EXPECT_EQ(Total(window, 4), 0);
  window.Add(4, kEnd - 1, 1);
  window.Add(4, kEnd - TopWindow::kMinutes, 1);
  EXPECT_EQ(Total(window, 4), 2);
}

TEST(TopWindowTest, AnAdOfAnyNumberFindsRoom) {
  TopWindow window;
  Fill(&window, kEnd, {1});
  window.Add(5'000'000, kEnd - 1, 2);
  EXPECT_EQ(Total(window, 5'000'000), 2);
  EXPECT_EQ(Total(window, 0), 1);
}

TEST(TopWindowTest, ATotalBeyond32BitsMakesItInvalidAndARestartValid) {
  TopWindow window;
  Fill(&window, kEnd, {UINT32_MAX});
  EXPECT_TRUE(window.valid());
  window.Add(0, kEnd - 1, 1);
  EXPECT_FALSE(window.valid());
  Fill(&window, kEnd, {int64_t{UINT32_MAX} + 1});
  EXPECT_FALSE(window.valid());
  Fill(&window, kEnd, {5});
  EXPECT_TRUE(window.valid());
}

TEST(TopWindowTest, AChangeThatLeavesLessThanNothingMakesItInvalid) {
  TopWindow window;
  Fill(&window, kEnd, {2});
  Move(&window, kEnd + 1, {-3});
  EXPECT_FALSE(window.valid());
}

TEST(TopWindowTest, AdvancingKeepsAdsThatTheChangeDoesNotReach) {
  TopWindow window;
  Fill(&window, kEnd, {1, 2, 3});
  Move(&window, kEnd + 1, {4});
  EXPECT_EQ(Total(window, 0), 5);
  EXPECT_EQ(Total(window, 2), 3);
  Move(&window, kEnd + 2, {0, 0, 0, 9});
  EXPECT_EQ(Total(window, 3), 9);
}

TEST(TopWindowTest, AMoveWithinTheHourIsOfTheMinutesThatChange) {
  TopWindow window;
  Fill(&window, 1200, {});
  const TopWindow::Plan plan = window.PlanMove(1202);
  EXPECT_EQ(plan.in.begin, 1200);
  EXPECT_EQ(plan.in.end, 1202);
  EXPECT_EQ(plan.out.begin, 1140);
  EXPECT_EQ(plan.out.end, 1142);
}

TEST(TopWindowTest, AMoveIntoAnotherHourOrFarAwayFillsTheWindowAnew) {
  TopWindow window;
  EXPECT_EQ(window.PlanMove(1200).in.begin, 1140) << "never filled";
  Fill(&window, 1200 - 1, {});
  for (const int32_t end : {1201, 1300}) {
    const TopWindow::Plan plan = window.PlanMove(end);
    EXPECT_EQ(plan.in.begin, end - TopWindow::kMinutes);
    EXPECT_EQ(plan.in.end, end);
    EXPECT_EQ(plan.out.begin, plan.out.end);
  }
  EXPECT_EQ(window.PlanMove(1200).in.begin, 1199) << "the minute that ends the hour is of it";
}

TEST(TopWindowTest, WhatComesDuringAMoveCountsInTheFormerWindowAndInTheNext) {
  TopWindow window;
  Fill(&window, 1200, {10});
  window.BeginMove(std::make_unique<WindowMove>(MinuteRange{1200, 1201}, MinuteRange{1140, 1141}, 1));
  window.Add(0, 1140, 1);  // leaves
  window.Add(0, 1150, 2);
  window.Add(0, 1200, 4);  // enters
  window.Add(7, 1200, 8);
  EXPECT_EQ(Total(window, 0), 13);
  EXPECT_EQ(window.end(), 1200);
  EXPECT_EQ(window.move()->Noted(0, 19), -1);
  EXPECT_EQ(window.move()->Noted(0, 20), 4);
  window.FinishMove({100});
  EXPECT_EQ(Total(window, 0), 10 + 2 + 4 + 100);
  EXPECT_EQ(Total(window, 7), 8);
  EXPECT_EQ(window.end(), 1201);
  EXPECT_EQ(window.move(), nullptr);
}

TEST(TopWindowTest, AMoveThatIsGivenUpLeavesTheWindowAsItWas) {
  TopWindow window;
  Fill(&window, 1200, {10});
  window.BeginMove(std::make_unique<WindowMove>(MinuteRange{1200, 1201}, MinuteRange{1140, 1141}, 1));
  window.Add(0, 1200, 4);
  window.Add(0, 1140, 1);
  window.AbandonMove();
  EXPECT_EQ(window.move(), nullptr);
  EXPECT_EQ(window.end(), 1200);
  EXPECT_EQ(Total(window, 0), 11);
}

TEST(TopWindowTest, MovesLikeAModel) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  std::map<int32_t, std::map<uint32_t, int64_t>> clicks;  // by minute and ad
  TopWindow window;
  int32_t end = kEnd;
  Fill(&window, end, {});
  auto sum = [&](int32_t begin, int32_t limit, AdAmounts* totals, int64_t sign) {
    for (auto it = clicks.lower_bound(begin); it != clicks.end() && it->first < limit; ++it) {
      for (auto [ad, amount] : it->second) (*totals)[ad] += sign * amount;
    }
  };
  auto add = [&] {
    const auto ad = static_cast<uint32_t>(random() % 40);
    const int32_t minute = end - 70 + static_cast<int32_t>(random() % 75);
    clicks[minute][ad] += 1;
    window.Add(ad, minute, 1);
  };
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 50 != 0) {
      add();
      continue;
    }
    const int32_t next = end + 1 + static_cast<int32_t>(random() % 3);
    const TopWindow::Plan plan = window.PlanMove(next);
    AdAmounts change(40);
    sum(plan.in.begin, plan.in.end, &change, 1);
    sum(plan.out.begin, plan.out.end, &change, -1);
    window.BeginMove(std::make_unique<WindowMove>(plan.in, plan.out, 20));
    for (uint64_t during = random() % 50; during > 0; --during) add();
    window.FinishMove(change);
    end = next;
    AdAmounts expected(40);
    sum(end - TopWindow::kMinutes, end, &expected, 1);
    ASSERT_TRUE(window.valid());
    for (uint32_t ad = 0; ad < 40; ++ad) ASSERT_EQ(Total(window, ad), expected[ad]) << "seed " << seed;
  }
}

}  // namespace
}  // namespace tallymark
