#include "format/time_text.h"

#include <gtest/gtest.h>

#include <limits>

#include "format/time_units.h"

namespace tallymark {
namespace {

constexpr int64_t kQuarterPast = 1'609'460'100 * kNsPerSecond;  // 2021-01-01T00:15:00Z

TEST(TimeTextTest, Rfc3339NeedsAnOffset) {
  EXPECT_EQ(ParseRfc3339("2021-01-01T00:15:00Z"), kQuarterPast);
  EXPECT_EQ(ParseRfc3339("2021-01-01t00:15:00z"), kQuarterPast);
  EXPECT_EQ(ParseRfc3339("2021-01-01T02:15:00+02:00"), kQuarterPast);
  EXPECT_EQ(ParseRfc3339("2020-12-31T18:45:00-05:30"), kQuarterPast);
  EXPECT_FALSE(ParseRfc3339("2021-01-01T00:15:00"));
  EXPECT_FALSE(ParseRfc3339("2021-01-01T00:15:00Z "));
}

TEST(TimeTextTest, DaysThatDoNotExistAreRefused) {
  EXPECT_FALSE(ParseRfc3339("2021-02-29T00:00:00Z"));
  EXPECT_TRUE(ParseRfc3339("2020-02-29T00:00:00Z"));
  EXPECT_FALSE(ParseRfc3339("2021-13-01T00:00:00Z"));
  EXPECT_FALSE(ParseRfc3339("2021-01-01T24:00:00Z"));
  EXPECT_FALSE(ParseRfc3339("2021-01-01T00:60:00Z"));
}

TEST(TimeTextTest, LeapSecondIsTheNextMinute) {
  EXPECT_EQ(ParseRfc3339("2021-01-01T00:14:60Z"), kQuarterPast);
}

TEST(TimeTextTest, FractionsGoToTheNanosecond) {
  EXPECT_EQ(ParseRfc3339("2021-01-01T00:15:00.5Z"), kQuarterPast + 500'000'000);
  EXPECT_EQ(ParseRfc3339("2021-01-01T00:15:00.0000000019Z"), kQuarterPast + 1);
  EXPECT_FALSE(ParseRfc3339("2021-01-01T00:15:00.Z"));
}

TEST(TimeTextTest, TimesOutsideInt64NanosecondsAreRefused) {
  EXPECT_TRUE(ParseRfc3339("2262-04-11T23:47:16Z"));
  EXPECT_FALSE(ParseRfc3339("2262-04-11T23:47:17Z"));
  EXPECT_TRUE(ParseRfc3339("1677-09-21T00:12:44Z"));
  EXPECT_FALSE(ParseRfc3339("1677-09-21T00:12:43Z"));
}

TEST(TimeTextTest, DateAndTimeWithoutOffsetAreUtc) {
  EXPECT_EQ(ParseDateTime("2021-01-01 00:15:00"), kQuarterPast);
  EXPECT_EQ(ParseDateTime("2021-01-01 00:15:00.25"), kQuarterPast + 250'000'000);
  EXPECT_FALSE(ParseDateTime("2021-01-01"));
  EXPECT_FALSE(ParseDateTime("01/01/2021 00:15"));
}

TEST(TimeTextTest, EpochNumbersTellTheirUnitBySize) {
  EXPECT_EQ(ParseFileTime("1609460100", EpochUnit::kByMagnitude), kQuarterPast);
  EXPECT_EQ(ParseFileTime("1609460100000", EpochUnit::kByMagnitude), kQuarterPast);
  EXPECT_EQ(ParseFileTime("1609460100000000", EpochUnit::kByMagnitude), kQuarterPast);
  EXPECT_EQ(ParseFileTime("1609460100000000000", EpochUnit::kByMagnitude), kQuarterPast);
  EXPECT_EQ(ParseFileTime("-1609460100", EpochUnit::kByMagnitude), -kQuarterPast);
}

TEST(TimeTextTest, NamedUnitBeatsTheSize) {
  EXPECT_EQ(ParseFileTime("5", EpochUnit::kMilliseconds), 5 * kNsPerMs);
  EXPECT_EQ(ParseFileTime("5", EpochUnit::kNanoseconds), 5);
  EXPECT_FALSE(ParseFileTime("1609460100000000000", EpochUnit::kSeconds));
}

TEST(TimeTextTest, EpochNumbersMayHaveAFraction) {
  EXPECT_EQ(ParseFileTime("1609460100.25", EpochUnit::kByMagnitude), kQuarterPast + 250'000'000);
  EXPECT_EQ(ParseFileTime("-1.5", EpochUnit::kSeconds), -1'500'000'000);
  EXPECT_EQ(ParseFileTime("-0.5", EpochUnit::kSeconds), -500'000'000);
  EXPECT_FALSE(ParseFileTime("1.0000000001", EpochUnit::kSeconds));
  EXPECT_FALSE(ParseFileTime("1.", EpochUnit::kSeconds));
}

TEST(TimeTextTest, QueryTimesAreMillisecondsOrRelative) {
  EXPECT_EQ(ParseQueryTime("1609460100000", 7), kQuarterPast);
  EXPECT_EQ(ParseQueryTime("now", kQuarterPast), kQuarterPast);
  EXPECT_EQ(ParseQueryTime("now-15m", kQuarterPast), kQuarterPast - 15 * kNsPerMinute);
  EXPECT_FALSE(ParseQueryTime("now-15", kQuarterPast));
  EXPECT_FALSE(ParseQueryTime("now+15m", kQuarterPast));
  EXPECT_FALSE(ParseQueryTime("yesterday", kQuarterPast));
}

TEST(TimeTextTest, DurationsNeedAUnit) {
  EXPECT_EQ(ParseDuration("250ms"), 250 * kNsPerMs);
  EXPECT_EQ(ParseDuration("7d"), 7 * kNsPerDay);
  EXPECT_FALSE(ParseDuration("7"));
  EXPECT_FALSE(ParseDuration("-7d"));
  EXPECT_FALSE(ParseDuration("99999999d"));
}

TEST(TimeTextTest, FormattedTimesReadBack) {
  for (int64_t time : {int64_t{0}, kQuarterPast, kQuarterPast + 1, kQuarterPast + 250'000'000, int64_t{-1},
                       std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(ParseRfc3339(FormatRfc3339(time)), time) << FormatRfc3339(time);
  }
  EXPECT_EQ(FormatRfc3339(kQuarterPast), "2021-01-01T00:15:00Z");
  EXPECT_EQ(FormatRfc3339(-1'000'000), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace tallymark
