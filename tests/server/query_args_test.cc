#include "server/query_args.h"

#include <gtest/gtest.h>

#include <string>

#include "format/time_units.h"

namespace tallymark {
namespace {

constexpr int64_t kMinute = 26'824'320;                                     // 2021-01-01T00:00Z
constexpr int64_t kNowNs = kMinute * kNsPerMinute + 90 * kNsPerSecond + 7;  // 00:01:30 and a bit
constexpr int64_t kMs = kMinute * kMsPerMinute;

template <class Args>
Result<Args> Read(Result<Args> (*read)(const QueryParams&, int64_t), const std::string& query) {
  RequestTarget target;
  Status parsed = ParseRequestTarget("/x?" + query, &target);
  EXPECT_TRUE(parsed.ok()) << query;
  return read(QueryParams(target.params), kNowNs);
}

template <class Args>
void ExpectInvalid(Result<Args> (*read)(const QueryParams&, int64_t), const std::string& query,
                   const std::string& named) {
  Result<Args> args = Read(read, query);
  ASSERT_FALSE(args.ok()) << query;
  EXPECT_EQ(args.status().code(), Code::kInvalid) << query;
  EXPECT_NE(args.status().message().find(named), std::string::npos)
      << query << ": " << args.status().message();
}

std::string At(int64_t ms) { return std::to_string(ms); }

TEST(QueryArgs, SessionsHaveDefaultsAndBounds) {
  auto args = Read(ReadSessionArgs, "from=" + At(kMs + 1));
  ASSERT_TRUE(args.ok());
  EXPECT_EQ(args->from_ns, (kMs + 1) * kNsPerMs);
  EXPECT_EQ(args->to_ns, kNowNs);
  EXPECT_EQ(args->gap_ns, 30 * kNsPerMinute);
  EXPECT_EQ(args->by, "user_id");
  EXPECT_EQ(args->limit, 1000U);
  args = Read(ReadSessionArgs, "from=1&gap=90s&by=zone&limit=7&cursor=ab");
  ASSERT_TRUE(args.ok());
  EXPECT_EQ(args->gap_ns, 90 * kNsPerSecond);
  EXPECT_EQ(args->by, "zone");
  EXPECT_EQ(args->limit, 7U);
  EXPECT_EQ(args->cursor, "ab");
  for (const char* gap : {"0", "0s", "-1s", "8d", "30"})
    ExpectInvalid(ReadSessionArgs, std::string("from=1&gap=") + gap, "gap");
  ExpectInvalid(ReadSessionArgs, "from=1&by=" + std::string(65, 'x'), "by");
  ExpectInvalid(ReadSessionArgs, "from=1&by=%FF", "by");
  ExpectInvalid(ReadSessionArgs, "from=1&step=1m", "step");
}

TEST(QueryArgs, RangesAreRoundedOutToTheMinute) {
  auto args = Read(ReadCountArgs, "from=" + At(kMs + 1) + "&to=" + At(kMs + 2));
  EXPECT_EQ(args->range.begin, kMinute);
  EXPECT_EQ(args->range.end, kMinute + 1);
}

TEST(QueryArgs, AnAlignedEndStaysWhereItIs) {
  auto args = Read(ReadCountArgs, "from=" + At(kMs) + "&to=" + At(kMs + kMsPerMinute));
  EXPECT_EQ(args->range.begin, kMinute);
  EXPECT_EQ(args->range.end, kMinute + 1);
}

TEST(QueryArgs, ToDefaultsToNowWithTheMinuteThatIsRunning) {
  auto args = Read(ReadCountArgs, "from=now-1m");
  EXPECT_EQ(args->range.begin, kMinute);
  EXPECT_EQ(args->range.end, kMinute + 2);
}

TEST(QueryArgs, RangesBeforeTheEpochRoundTheSameWay) {
  auto args = Read(ReadCountArgs, "from=-60001&to=-1");
  EXPECT_EQ(args->range.begin, -2);
  EXPECT_EQ(args->range.end, 0);
}

TEST(QueryArgs, TheOrderIsCheckedBeforeRounding) {
  std::string t = At(kMs + 5);
  ExpectInvalid(ReadCountArgs, "from=" + t + "&to=" + t, "from must be before to");
  ExpectInvalid(ReadCountArgs, "from=" + At(kMs + 6) + "&to=" + t, "from must be before to");
  ExpectInvalid(ReadCountArgs, "from=2022-01-01T00:00:00Z", "from must be before to");
}

TEST(QueryArgs, EveryCountParameterIsChecked) {
  ExpectInvalid(ReadCountArgs, "", "from");
  ExpectInvalid(ReadCountArgs, "from=yesterday", "from");
  ExpectInvalid(ReadCountArgs, "from=", "from");
  ExpectInvalid(ReadCountArgs, "from=1&to=now-5x", "to");
  ExpectInvalid(ReadCountArgs, "from=9999999999999999", "from");
  ExpectInvalid(ReadCountArgs, "from=1&filter=x", "filter");
  ExpectInvalid(ReadCountArgs, "from=1&filter=-1", "filter");
  ExpectInvalid(ReadCountArgs, "from=1&filter=4294967296", "filter");
  ExpectInvalid(ReadCountArgs, "from=1&metric=views", "metric");
  ExpectInvalid(ReadCountArgs, "from=1&step=1m", "'step'");
  ExpectInvalid(ReadCountArgs, "from=1&from=1", "twice");
}

TEST(QueryArgs, AFilterIsANumberHoweverItIsWritten) {
  EXPECT_EQ(Read(ReadCountArgs, "from=1&filter=000")->filter, 0U);
  EXPECT_EQ(Read(ReadCountArgs, "from=1&filter=0012")->filter, 12U);
  EXPECT_EQ(Read(ReadCountArgs, "from=1&filter=4294967295")->filter, 4294967295U);
}

TEST(QueryArgs, AnOffsetIsUnderstood) {
  auto args = Read(ReadCountArgs, "from=2021-01-01T02:00:00%2B02:00&to=2021-01-01T00:00:00.000000001Z");
  EXPECT_EQ(args->range.begin, kMinute);
  EXPECT_EQ(args->range.end, kMinute + 1);
}

TEST(QueryArgs, ATopWindowEndsWithTheMinuteThatIsRunning) {
  auto args = Read(ReadTopArgs, "");
  EXPECT_EQ(args->range.begin, kMinute + 1);
  EXPECT_EQ(args->range.end, kMinute + 2);
  EXPECT_EQ(args->count, 100U);
}

TEST(QueryArgs, ATopWindowEndsAtToRoundedUp) {
  EXPECT_EQ(Read(ReadTopArgs, "to=" + At(kMs))->range.end, kMinute);
  auto args = Read(ReadTopArgs, "window=2&to=" + At(kMs + 1));
  EXPECT_EQ(args->range.begin, kMinute - 1);
  EXPECT_EQ(args->range.end, kMinute + 1);
}

TEST(QueryArgs, ATopWindowIsMinutesOrADuration) {
  auto length = [](const std::string& window) {
    auto args = Read(ReadTopArgs, "window=" + window);
    return args->range.end - args->range.begin;
  };
  EXPECT_EQ(length("15"), 15);
  EXPECT_EQ(length("15m"), 15);
  EXPECT_EQ(length("24h"), 1440);
  EXPECT_EQ(length("7d"), 10'080);
  EXPECT_EQ(length("120s"), 2);
}

TEST(QueryArgs, EveryTopParameterIsChecked) {
  for (const char* window : {"0", "10081", "8d", "90s", "-1", "x", ""}) {
    ExpectInvalid(ReadTopArgs, std::string("window=") + window, "window");
  }
  for (const char* count : {"0", "10001", "-1", "1.5", ""}) {
    ExpectInvalid(ReadTopArgs, std::string("count=") + count, "count");
  }
  ExpectInvalid(ReadTopArgs, "from=1", "'from'");
  ExpectInvalid(ReadTopArgs, "to=x", "to");
  ExpectInvalid(ReadTopArgs, "metric=", "metric");
}

TEST(QueryArgs, ASeriesIsRoundedToItsStep) {
  auto args =
      Read(ReadSeriesArgs, "from=" + At(kMs + kMsPerMinute) + "&to=" + At(kMs + kMsPerHour + 1) + "&step=1h");
  EXPECT_EQ(args->range.begin, kMinute);
  EXPECT_EQ(args->range.end, kMinute + 120);
  EXPECT_EQ(args->step_minutes, 60);
  EXPECT_EQ(args->window_minutes, 0);
  ASSERT_EQ(args->metrics.size(), 1U);
  EXPECT_EQ(args->metrics[0], Metric::kClicks);
}

TEST(QueryArgs, MetricsKeepTheirOrder) {
  auto args = Read(ReadSeriesArgs, "from=now-1h&metrics=revenue,clicks");
  ASSERT_EQ(args->metrics.size(), 2U);
  EXPECT_EQ(args->metrics[0], Metric::kRevenue);
  EXPECT_EQ(args->metrics[1], Metric::kClicks);
}

TEST(QueryArgs, EverySeriesParameterIsChecked) {
  for (const char* step : {"0m", "31d", "30s", "90s", "5", "", "1w"}) {
    ExpectInvalid(ReadSeriesArgs, std::string("from=now-1h&step=") + step, "step");
  }
  ExpectInvalid(ReadSeriesArgs, "from=now-1h&step=5m&window=4m", "window");
  ExpectInvalid(ReadSeriesArgs, "from=now-1h&window=90s", "window");
  ExpectInvalid(ReadSeriesArgs, "from=now-1h&metrics=", "metrics");
  ExpectInvalid(ReadSeriesArgs, "from=now-1h&metrics=clicks,", "metrics");
  ExpectInvalid(ReadSeriesArgs, "from=now-1h&metrics=clicks,clicks", "twice");
  ExpectInvalid(ReadSeriesArgs, "from=now-1h&metric=clicks", "'metric'");
}

TEST(QueryArgs, ATooLongSeriesIsToldAStepThatFits) {
  std::string range = "from=" + At(kMs - 11'000 * kMsPerMinute) + "&to=" + At(kMs);
  EXPECT_TRUE(Read(ReadSeriesArgs, range).ok());
  range = "from=" + At(kMs - 11'001 * kMsPerMinute) + "&to=" + At(kMs);
  ExpectInvalid(ReadSeriesArgs, range, "step=5m");
  EXPECT_TRUE(Read(ReadSeriesArgs, range + "&step=5m").ok());
  ExpectInvalid(ReadSeriesArgs, "from=0", "step=7d");
}

TEST(QueryArgs, EventRangesAreNotRounded) {
  auto args =
      Read(ReadEventsArgs, "from=" + At(kMs + 1) + "&to=" + At(kMs + 2) + "&limit=10000&cursor=a%2Bb");
  EXPECT_EQ(args->from_ns, (kMs + 1) * kNsPerMs);
  EXPECT_EQ(args->to_ns, (kMs + 2) * kNsPerMs);
  EXPECT_EQ(args->limit, 10'000U);
  EXPECT_EQ(args->cursor, "a+b");
  ExpectInvalid(ReadEventsArgs, "from=1&limit=10001", "limit");
  ExpectInvalid(ReadEventsArgs, "from=1&limit=0", "limit");
  ExpectInvalid(ReadEventsArgs, "from=1&cursor=" + std::string(kMaxCursorBytes + 1, 'a'), "cursor");
}

TEST(QueryArgs, PrecisionsOfTheTwoVersions) {
  auto unit = [](const std::string& query, bool version_one) {
    RequestTarget target;
    Status parsed = ParseRequestTarget("/write?" + query, &target);
    EXPECT_TRUE(parsed.ok());
    Result<int64_t> read = ReadPrecision(QueryParams(target.params), version_one);
    return read.ok() ? *read : -1;
  };
  for (bool version_one : {true, false}) {
    EXPECT_EQ(unit("", version_one), 1);
    EXPECT_EQ(unit("precision=ns", version_one), 1);
    EXPECT_EQ(unit("precision=us", version_one), 1'000);
    EXPECT_EQ(unit("precision=ms", version_one), kNsPerMs);
    EXPECT_EQ(unit("precision=s&db=x", version_one), kNsPerSecond);
    EXPECT_EQ(unit("precision=d", version_one), -1);
  }
  EXPECT_EQ(unit("precision=n", true), 1);
  EXPECT_EQ(unit("precision=u", true), 1'000);
  EXPECT_EQ(unit("precision=m", true), kNsPerMinute);
  EXPECT_EQ(unit("precision=h", true), kNsPerHour);
  EXPECT_EQ(unit("precision=h", false), -1);
}

TEST(QueryArgs, AnAdIdIsOneTo128BytesOfUtf8) {
  EXPECT_TRUE(CheckAdId("a").ok());
  EXPECT_TRUE(CheckAdId(std::string(128, 'a')).ok());
  EXPECT_TRUE(CheckAdId("\xC3\xA4").ok());
  EXPECT_FALSE(CheckAdId("").ok());
  EXPECT_FALSE(CheckAdId(std::string(129, 'a')).ok());
  EXPECT_FALSE(CheckAdId("\xC3").ok());
}

}  // namespace
}  // namespace tallymark
