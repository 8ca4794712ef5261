#include "engine/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "engine/lateness.h"

namespace tallymark {
namespace {

constexpr size_t kLast = HistogramSnapshot::kBuckets - 1;

TEST(HistogramTest, BoundsDouble) {
  HistogramSnapshot snapshot = Histogram(0.5).Snapshot();
  EXPECT_EQ(snapshot.upper_bounds[0], 0.5);
  for (size_t i = 1; i < snapshot.upper_bounds.size(); ++i) {
    EXPECT_EQ(snapshot.upper_bounds[i], 2 * snapshot.upper_bounds[i - 1]);
  }
  EXPECT_EQ(snapshot.count, 0U);
  EXPECT_EQ(snapshot.sum, 0);
}

TEST(HistogramTest, AValueOnABoundBelongsBelowIt) {
  Histogram histogram(1);
  for (double value : {0.0, 1.0, 1.25, 2.0, 2.25, 4.0}) histogram.Record(value);
  HistogramSnapshot snapshot = histogram.Snapshot();
  EXPECT_EQ(snapshot.counts[0], 2U);
  EXPECT_EQ(snapshot.counts[1], 2U);
  EXPECT_EQ(snapshot.counts[2], 2U);
  EXPECT_EQ(snapshot.count, 6U);
  EXPECT_EQ(snapshot.sum, 10.5);
}

TEST(HistogramTest, LatenessFallsIntoTheBucketsThatRecordWouldChoose) {
  Histogram recorded(LatenessMeter::kFirstBoundSeconds);
  Histogram added(LatenessMeter::kFirstBoundSeconds);
  LatenessMeter meter(INT64_MIN);
  int64_t newest = INT64_MIN;
  for (int64_t second : {100, 99, 98, 200, 196, 195, 100, 300, -86'400, -100'000'000, 300}) {
    const int64_t time_ns = second * kNsPerSecond;
    newest = std::max(newest, time_ns);
    meter.Note(time_ns);
    recorded.Record(static_cast<double>(newest - time_ns) * 1e-9);
    meter.MoveTo(&added);
  }
  EXPECT_EQ(added.Snapshot().counts, recorded.Snapshot().counts);
  EXPECT_DOUBLE_EQ(added.Snapshot().sum, recorded.Snapshot().sum);
  EXPECT_EQ(added.Snapshot().counts[kLast], 1U);
}

TEST(HistogramTest, WhatIsBeyondEveryBoundGoesToTheLastBucket) {
  Histogram histogram(1);
  histogram.Record(1e300);
  EXPECT_EQ(histogram.Snapshot().counts[kLast], 1U);
}

TEST(HistogramTest, ConcurrentRecordsAreAllCounted) {
  Histogram histogram(1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&histogram] {
      for (int i = 0; i < 10'000; ++i) histogram.Record(i % 4);
    });
  }
  for (std::thread& t : threads) t.join();
  HistogramSnapshot snapshot = histogram.Snapshot();
  EXPECT_EQ(snapshot.count, 40'000U);
  EXPECT_EQ(snapshot.sum, 60'000);
  EXPECT_EQ(snapshot.counts[0], 20'000U);
}

}  // namespace
}  // namespace tallymark
