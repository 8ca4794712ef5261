#include "engine/counter_delta.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <tuple>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

using Cells = std::map<std::pair<int, Metric>, __int128>;

class CounterDeltaTest : public ::testing::Test {
 protected:
  Cells Row(uint32_t ad, int32_t hour) const {
    Cells cells;
    delta_.ForEachCell(ad, hour, [&](int minute, Metric metric, int64_t amount) {
      cells[{minute, metric}] += amount;
    });
    std::erase_if(cells, [](const auto& cell) { return cell.second == 0; });
    return cells;
  }

  PiecePool pool_{CounterDelta::kPieceBytes};
  CounterDelta delta_{&pool_};
};

TEST_F(CounterDeltaTest, AnEmptyDeltaHasNoRowsAndNoHours) {
  EXPECT_TRUE(delta_.empty());
  EXPECT_TRUE(Row(0, 0).empty());
  EXPECT_GT(delta_.hour_min(), delta_.hour_max());
}

TEST_F(CounterDeltaTest, AmountsOfACellAddUp) {
  delta_.Add(1, 10, 5, Metric::kClicks, 2);
  delta_.Add(1, 10, 5, Metric::kClicks, 3);
  EXPECT_EQ(Row(1, 10), (Cells{{{5, Metric::kClicks}, 5}}));
  EXPECT_EQ(delta_.rows(), 1U);
}

TEST_F(CounterDeltaTest, MinutesMetricsHoursAndAdsAreApart) {
  delta_.Add(1, 10, 0, Metric::kImpressions, 1);
  delta_.Add(1, 10, 0, Metric::kRevenue, 2);
  delta_.Add(1, 10, 59, Metric::kRevenue, 3);
  delta_.Add(1, -10, 0, Metric::kImpressions, 4);
  delta_.Add(2, 10, 0, Metric::kImpressions, 5);
  EXPECT_EQ(Row(1, 10),
            (Cells{{{0, Metric::kImpressions}, 1}, {{0, Metric::kRevenue}, 2}, {{59, Metric::kRevenue}, 3}}));
  EXPECT_EQ(Row(1, -10), (Cells{{{0, Metric::kImpressions}, 4}}));
  EXPECT_EQ(Row(2, 10), (Cells{{{0, Metric::kImpressions}, 5}}));
  EXPECT_EQ(delta_.hour_min(), -10);
  EXPECT_EQ(delta_.hour_max(), 10);
}

TEST_F(CounterDeltaTest, ARowHoldsEveryCellOfAnHour) {
  for (int minute = 0; minute < 60; ++minute) {
    for (int m = 0; m < kMetricCount; ++m) {
      delta_.Add(7, 1, minute, static_cast<Metric>(m), minute * 10 + m + 1);
      ASSERT_EQ(Row(7, 1).size(), static_cast<size_t>(minute * kMetricCount + m + 1));
    }
  }
  for (const auto& [cell, amount] : Row(7, 1))
    EXPECT_TRUE(amount == cell.first * 10 + static_cast<int>(cell.second) + 1);
}

TEST_F(CounterDeltaTest, NegativeAndCancellingAmountsAreExact) {
  delta_.Add(1, 1, 3, Metric::kRevenue, -5);
  EXPECT_EQ(Row(1, 1), (Cells{{{3, Metric::kRevenue}, -5}}));
  delta_.Add(1, 1, 3, Metric::kRevenue, 5);
  EXPECT_TRUE(Row(1, 1).empty());
  delta_.Add(2, 1, 3, Metric::kRevenue, 5);
  delta_.Add(2, 1, 3, Metric::kRevenue, -5);
  delta_.Add(2, 1, 4, Metric::kClicks, 1);
  EXPECT_EQ(Row(2, 1), (Cells{{{4, Metric::kClicks}, 1}}));
}

TEST_F(CounterDeltaTest, SumsBeyondACellNeverWrap) {
  for (int64_t amount :
       {INT64_MAX, INT64_MIN, (int64_t{1} << 54) - 1, int64_t{1} << 54, int64_t{(1 << 24) - 1}}) {
    const auto ad = static_cast<uint32_t>(amount % 1000 + 5000);
    for (int filled = 0; filled < 70; filled += 23) {  // inline, in a small block, in the widest
      for (int minute = 1; minute <= filled && minute < 60; ++minute)
        delta_.Add(ad, filled, minute, Metric::kClicks, 1);
      for (int i = 0; i < 5; ++i) delta_.Add(ad, filled, 0, Metric::kRevenue, amount);
      Cells row = Row(ad, filled);
      EXPECT_TRUE((row[{0, Metric::kRevenue}] == static_cast<__int128>(amount) * 5))
          << amount << " " << filled;
      EXPECT_EQ(row.size(), static_cast<size_t>(std::min(filled, 59)) + 1);
    }
  }
}

TEST_F(CounterDeltaTest, RowsCanBeListedInTableOrder) {
  std::map<std::pair<uint32_t, int32_t>, int64_t> expected;
  for (uint32_t ad = 0; ad < 10'000; ++ad) {
    delta_.Add(ad, static_cast<int32_t>(ad % 3) - 1, 1, Metric::kClicks, ad + 1);
    expected[{ad, static_cast<int32_t>(ad % 3) - 1}] = ad + 1;
  }
  std::map<std::pair<uint32_t, int32_t>, int64_t> listed;
  for (uint32_t i = 0; i < delta_.slot_count(); ++i) {
    CounterDelta::RowId id;
    if (!delta_.RowAt(i, &id)) continue;
    delta_.ForEachCellAt(i, [&](int, Metric, int64_t amount) { listed[{id.ad, id.hour}] += amount; });
  }
  EXPECT_EQ(listed, expected);
  EXPECT_EQ(delta_.rows(), 10'000U);
}

TEST_F(CounterDeltaTest, ClearForgetsEverythingAndTheNextUserSeesNothingOld) {
  for (int round = 0; round < 3; ++round) {
    for (uint32_t ad = 0; ad < 5000; ++ad) {
      for (int minute = 0; minute < 20; ++minute) delta_.Add(ad, round, minute, Metric::kClicks, 1);
      delta_.Add(ad, round, 1, Metric::kRevenue, INT64_MAX);
    }
    EXPECT_EQ(Row(17, round).size(), 21U);
    delta_.Clear();
    EXPECT_TRUE(delta_.empty());
    EXPECT_TRUE(Row(17, round).empty());
    EXPECT_GT(delta_.hour_min(), delta_.hour_max());
  }
}

TEST_F(CounterDeltaTest, AgreesWithAMapUnderRandomAmounts) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  std::map<std::pair<uint32_t, int32_t>, Cells> model;
  for (int i = 0; i < 400'000; ++i) {
    const auto ad = static_cast<uint32_t>(random() % (1 + random() % 3000));  // few ads are busy
    const auto hour = static_cast<int32_t>(random() % 3);
    const int minute = static_cast<int>(random() % 60);
    const auto metric = static_cast<Metric>(random() % kMetricCount);
    int64_t amount = static_cast<int64_t>(random() % 3) + 1;
    if (random() % 50 == 0) amount = static_cast<int64_t>(random()) >> random() % 64;
    delta_.Add(ad, hour, minute, metric, amount);
    model[{ad, hour}][{minute, metric}] += amount;
  }
  EXPECT_EQ(delta_.rows(), model.size());
  for (auto& [row, cells] : model) {
    std::erase_if(cells, [](const auto& cell) { return cell.second == 0; });
    ASSERT_TRUE(Row(row.first, row.second) == cells) << "seed " << seed << " ad " << row.first;
  }
}

}  // namespace
}  // namespace tallymark
