// Folding and rollup of counter rows, through a real RocksDB.

#include "engine/counter_rules.h"

#include <map>
#include <random>

#include "format/hour_row.h"
#include "format/keys.h"
#include "tests/engine/test_storage.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int32_t kHour = 447'072;

std::string RowBytes(const std::map<int, int64_t>& clicks_by_minute) {
  HourRow row;
  for (auto [minute, clicks] : clicks_by_minute) {
    MinuteCell cell;
    cell.minute = static_cast<uint8_t>(minute);
    cell.sums[Metric::kClicks] = clicks;
    row.cells.push_back(cell);
    row.totals.Add(cell.sums);
  }
  std::string bytes;
  EncodeHourRow(row, &bytes);
  return bytes;
}

class CounterRulesTest : public ::testing::Test {
 protected:
  void Merge(uint32_t ad, int32_t hour, const std::string& operand) {
    ASSERT_TRUE(storage_.db()
                    ->Merge(rocksdb::WriteOptions(), storage_->handle(Family::kCounters),
                            CounterKey{ad, 0, hour}.Encode(), operand)
                    .ok());
  }
  Result<std::string> Bytes(uint32_t ad, int32_t hour) {
    return storage_->Get(Family::kCounters, CounterKey{ad, 0, hour}.Encode());
  }
  // Clicks of the whole hour as its totals say, and of its minutes as their cells say.
  std::pair<int64_t, int64_t> Clicks(uint32_t ad, int32_t hour) {
    Result<std::string> bytes = Bytes(ad, hour);
    if (!bytes.ok()) return {-1, -1};
    HourRow row;
    EXPECT_TRUE(DecodeHourRow(*bytes, &row).ok());
    __int128 minutes = 0;
    for (const MinuteCell& cell : row.cells) minutes += cell.sums[Metric::kClicks];
    return {static_cast<int64_t>(row.totals[Metric::kClicks]), static_cast<int64_t>(minutes)};
  }
  using Pair = std::pair<int64_t, int64_t>;
  TestStorage storage_;
};

TEST_F(CounterRulesTest, OperandsFoldInMemoryInFilesAndAfterCompaction) {
  for (int round = 0; round < 5; ++round) {
    Merge(1, kHour, RowBytes({{round, 2}, {59, 1}}));
    EXPECT_EQ(Clicks(1, kHour), Pair(3 * (round + 1), 3 * (round + 1)));
    storage_.Flush(Family::kCounters);
  }
  EXPECT_EQ(Clicks(1, kHour), Pair(15, 15));
  storage_.Compact(Family::kCounters);
  EXPECT_EQ(Clicks(1, kHour), Pair(15, 15));
  HourRow row;
  ASSERT_TRUE(DecodeHourRow(*Bytes(1, kHour), &row).ok());
  EXPECT_EQ(row.cells.size(), 6U);
  Merge(1, kHour, RowBytes({{7, 10}}));
  EXPECT_EQ(Clicks(1, kHour), Pair(25, 25)) << "a folded row takes more operands";
}

TEST_F(CounterRulesTest, AStoredRowHasTheBytesOfOneOperandThatSaysTheSame) {
  Merge(1, kHour, RowBytes({{1, 2}}));
  Merge(1, kHour, RowBytes({{1, 3}, {4, 5}}));
  storage_.Compact(Family::kCounters);
  EXPECT_EQ(*Bytes(1, kHour), RowBytes({{1, 5}, {4, 5}}));
}

TEST_F(CounterRulesTest, WithoutRetentionCompactionKeepsEveryMinute) {
  Merge(1, INT32_MIN / 100, RowBytes({{1, 2}}));
  Merge(1, 0, RowBytes({{1, 2}}));
  storage_.Compact(Family::kCounters);
  EXPECT_EQ(Clicks(1, INT32_MIN / 100), Pair(2, 2));
  EXPECT_EQ(Clicks(1, 0), Pair(2, 2));
}

TEST_F(CounterRulesTest, MinutesBeforeThePositionBecomeHourTotals) {
  for (int32_t hour : {kHour - 2, kHour - 1, kHour, kHour + 1}) Merge(1, hour, RowBytes({{3, 4}, {5, 6}}));
  storage_.retention()->minutes = kHour;
  storage_.Compact(Family::kCounters);
  EXPECT_EQ(Clicks(1, kHour - 2), Pair(10, 0));
  EXPECT_EQ(Clicks(1, kHour - 1), Pair(10, 0));
  EXPECT_EQ(Clicks(1, kHour), Pair(10, 10)) << "the position itself is kept";
  EXPECT_EQ(Clicks(1, kHour + 1), Pair(10, 10));
}

TEST_F(CounterRulesTest, HoursBeforeThePositionGo) {
  for (int32_t hour : {kHour - 2, kHour - 1, kHour}) Merge(1, hour, RowBytes({{3, 4}}));
  storage_.retention()->minutes = kHour + 10;
  storage_.retention()->hours = kHour;
  storage_.Compact(Family::kCounters);
  EXPECT_EQ(Bytes(1, kHour - 2).status().code(), Code::kNotFound);
  EXPECT_EQ(Bytes(1, kHour - 1).status().code(), Code::kNotFound);
  EXPECT_EQ(Clicks(1, kHour), Pair(4, 0));
}

TEST_F(CounterRulesTest, RollingUpManyTimesChangesNothingMore) {
  Merge(1, kHour, RowBytes({{3, 4}}));
  storage_.retention()->minutes = kHour + 1;
  for (int i = 0; i < 4; ++i) {
    storage_.Compact(Family::kCounters);
    EXPECT_EQ(Clicks(1, kHour), Pair(4, 0));
  }
}

TEST_F(CounterRulesTest, LateEventsOfARolledUpHourStillCountInItsTotals) {
  Merge(1, kHour, RowBytes({{3, 4}}));
  storage_.retention()->minutes = kHour + 1;
  storage_.Compact(Family::kCounters);
  Merge(1, kHour, RowBytes({{3, 1}, {9, 2}}));
  EXPECT_EQ(Clicks(1, kHour).first, 7);
  storage_.Compact(Family::kCounters);
  EXPECT_EQ(Clicks(1, kHour), Pair(7, 0));
}

TEST_F(CounterRulesTest, OperandsThatAreNotFoldedYetSurviveTheRollup) {
  // In files that a compaction sees apart from each other: the filter meets single operands.
  for (int i = 0; i < 3; ++i) {
    Merge(1, kHour, RowBytes({{i, 5}}));
    storage_.Flush(Family::kCounters);
    storage_.retention()->minutes = kHour + 1;
  }
  const rocksdb::Snapshot* snapshot = storage_.db()->GetSnapshot();
  Merge(1, kHour, RowBytes({{9, 5}}));
  storage_.Compact(Family::kCounters);
  storage_.db()->ReleaseSnapshot(snapshot);
  EXPECT_EQ(Clicks(1, kHour).first, 20);
  // RocksDB does not filter a value while it folds operands into it: one compaction later it does.
  storage_.Compact(Family::kCounters);
  EXPECT_EQ(Clicks(1, kHour).first, 20);
  storage_.Compact(Family::kCounters);
  EXPECT_EQ(Clicks(1, kHour), Pair(20, 0));
}

TEST_F(CounterRulesTest, ADamagedOperandIsKeptAsAnErrorAndTheOthersToo) {
  Merge(1, kHour, RowBytes({{3, 4}}));
  Merge(1, kHour, "this is no row");
  Merge(1, kHour, RowBytes({{4, 5}}));
  storage_.retention()->minutes = kHour + 1;
  for (int i = 0; i < 2; ++i) {
    Result<std::string> bytes = Bytes(1, kHour);
    ASSERT_TRUE(bytes.ok());
    HourRow row;
    EXPECT_EQ(DecodeHourRow(*bytes, &row).code(), Code::kCorruption);
    std::vector<std::string_view> bad;
    ASSERT_TRUE(ReadHourRowEnvelope(*bytes, &row, &bad).ok());
    EXPECT_TRUE(row.totals[Metric::kClicks] == 9);
    EXPECT_EQ(bad, std::vector<std::string_view>{"this is no row"});
    storage_.Compact(Family::kCounters);
  }
}

TEST_F(CounterRulesTest, AnyOrderOfMergesFlushesAndCompactionsGivesTheSums) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  std::map<std::pair<uint32_t, int32_t>, std::map<int, int64_t>> model;
  int32_t position = kHour;
  for (int step = 0; step < 3000; ++step) {
    switch (random() % 60) {
      case 0:
        storage_.Compact(Family::kCounters);
        break;
      case 1:
        storage_.Flush(Family::kCounters);
        break;
      case 2:
        storage_.retention()->minutes = ++position;
        break;
      default: {
        const auto ad = static_cast<uint32_t>(random() % 5);
        const auto hour = kHour + static_cast<int32_t>(random() % 30);
        const int minute = static_cast<int>(random() % 60);
        const auto clicks = static_cast<int64_t>(random() % 9 + 1);
        Merge(ad, hour, RowBytes({{minute, clicks}}));
        model[{ad, hour}][minute] += clicks;
      }
    }
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& [key, minutes] : model) {
      HourRow row;
      ASSERT_TRUE(DecodeHourRow(*Bytes(key.first, key.second), &row).ok());
      int64_t total = 0;
      for (auto [minute, clicks] : minutes) total += clicks;
      ASSERT_TRUE(row.totals[Metric::kClicks] == total) << "seed " << seed;
      if (key.second < position) continue;
      ASSERT_EQ(row.cells.size(), minutes.size()) << "seed " << seed;
      for (const MinuteCell& cell : row.cells)
        ASSERT_TRUE(cell.sums[Metric::kClicks] == minutes.at(cell.minute)) << "seed " << seed;
    }
    storage_.Compact(Family::kCounters);
  }
}

}  // namespace
}  // namespace tallymark
