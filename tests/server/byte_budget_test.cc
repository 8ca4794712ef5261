#include "server/byte_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace tallymark {
namespace {

TEST(ByteBudget, GivesUpToItsLimit) {
  ByteBudget budget(100);
  EXPECT_TRUE(budget.TryTake(60));
  EXPECT_FALSE(budget.TryTake(41));
  EXPECT_TRUE(budget.TryTake(40));
  EXPECT_EQ(budget.used(), 100U);
  budget.Release(100);
  EXPECT_EQ(budget.used(), 0U);
}

TEST(ByteBudget, AnUntouchedBudgetGivesEvenMoreThanItsLimit) {
  ByteBudget budget(100);
  EXPECT_TRUE(budget.TryTake(500));
  EXPECT_FALSE(budget.TryTake(1));
}

TEST(ByteBudget, WakesWhoWaitsOnceThereIsRoom) {
  ByteBudget budget(100);
  int woken = 0;
  ASSERT_TRUE(budget.TryTake(100));
  budget.WhenRoomy([&] { ++woken; });
  budget.Release(10);
  EXPECT_EQ(woken, 0);
  budget.Release(20);
  EXPECT_EQ(woken, 1);
  budget.Release(70);
  EXPECT_EQ(woken, 1);
}

TEST(ByteBudget, AHoldGivesBackWhatItTook) {
  ByteBudget budget(100);
  {
    BudgetHold hold(&budget);
    EXPECT_TRUE(hold.GrowTo(80));
    EXPECT_FALSE(hold.GrowTo(120));
    EXPECT_EQ(hold.bytes(), 80U);
    hold.ShrinkTo(30);
    EXPECT_EQ(budget.used(), 30U);
    BudgetHold moved = std::move(hold);
    EXPECT_EQ(budget.used(), 30U);
    BudgetHold beside = moved.Beside();
    EXPECT_TRUE(beside.GrowTo(70));
    moved = std::move(beside);
  }
  EXPECT_EQ(budget.used(), 0U);
}

TEST(ByteBudget, NeverGoesOverItsLimitAmongThreads) {
  ByteBudget budget(1'000);
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        if (!budget.TryTake(300)) continue;
        if (budget.used() > 1'000) over = true;
        budget.Release(300);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(budget.used(), 0U);
}

}  // namespace
}  // namespace tallymark
