// Engine::Metrics: sums and distinct people through restarts, failures and switching off.

#include <gtest/gtest.h>

#include <thread>

#include "engine/engine_impl.h"
#include "tests/engine/faulty_file_system.h"
#include "tests/engine/test_events.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'609'459'200LL * kNsPerSecond;  // 2021-01-01T00:00:00Z
const int32_t kMinute = MinuteOf(kStart);

std::string Line(const std::string& kind, const std::string& ad, const std::string& id, int minute,
                 const std::string& user, const std::string& ip) {
  std::string line = kind + ",ad_id=" + ad + " event_id=\"" + id + "\"";
  if (!user.empty()) line += ",user_id=\"" + user + "\"";
  if (!ip.empty()) line += ",ip=\"" + ip + "\"";
  return line + " " + std::to_string(kStart + minute * kNsPerMinute) + "\n";
}

class MetricsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.data_dir = directory_.path();
    options_.clock = &clock_;
    options_.memory_bytes = 64 << 20;
    options_.free_space_floor_bytes = 0;
    engine_ = MustOpen(options_);
  }
  void Reopen() {
    engine_.reset();
    engine_ = MustOpen(options_);
  }
  void Append(const std::string& lines) {
    const AppendOutcome outcome = AppendLines(engine_.get(), lines);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  }
  MetricSeries Metrics(const std::vector<std::string>& ads, int32_t begin, int32_t end, int32_t step) {
    Result<MetricSeries> series = engine_->Metrics(ads, {kMinute + begin, kMinute + end}, step);
    EXPECT_TRUE(series.ok()) << series.status().message();
    return series.ok() ? *series : MetricSeries();
  }

  TempDirectory directory_;
  ManualClock clock_{kStart + 5 * kNsPerHour};
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
};

void ExpectPeople(const MetricPoint& point, int64_t users, int64_t ips) {
  ASSERT_TRUE(point.users && point.ips);
  EXPECT_EQ(*point.users, (DistinctCount{users, true}));
  EXPECT_EQ(*point.ips, (DistinctCount{ips, true}));
}

TEST_F(MetricsTest, AllKindsOfEventsShareOneSetAnHour) {
  Append(Line("impression", "a", "1", 0, "u1", "1.1.1.1") + Line("click", "a", "1", 5, "u1", "1.1.1.2") +
         Line("conversion", "a", "1", 59, "u2", "") + Line("click", "a", "2", 60, "u1", "1.1.1.1") +
         Line("click", "a", "3", 61, "", "") + Line("click", "b", "4", 3, "u3", "1.1.1.1"));
  for (const char* stage : {"live", "checkpoint", "reopened", "compacted"}) {
    SCOPED_TRACE(stage);
    if (stage == std::string("checkpoint")) {
      ASSERT_TRUE(engine_->Checkpoint().ok());
    }
    if (stage == std::string("reopened")) Reopen();
    if (stage == std::string("compacted")) {
      ASSERT_TRUE(engine_->CompactAll(true).ok());
    }
    const MetricSeries series = Metrics({"a"}, 0, 180, 60);
    ASSERT_EQ(series.points.size(), 3U);
    ExpectPeople(series.points[0], 2, 2);
    ExpectPeople(series.points[1], 1, 1);
    ExpectPeople(series.points[2], 0, 0);
    EXPECT_TRUE(series.points[0].sums[Metric::kClicks] == 1);
    EXPECT_TRUE(series.points[1].sums[Metric::kClicks] == 2);
    EXPECT_EQ(series.distinct_from_ms, INT64_MIN);
    ExpectPeople(Metrics({"a"}, 0, 180, 180).points[0], 2, 2);
    const MetricPoint both = Metrics({"b", "a", "a", "never seen"}, 0, 180, 180).points[0];
    ExpectPeople(both, 3, 2);
    EXPECT_TRUE(both.sums[Metric::kClicks] == 4);
  }
}

TEST_F(MetricsTest, AConversionBringsThePeopleOfItsClick) {
  Append(Line("click", "a", "1", 5, "u1", "1.1.1.1"));
  Append("conversion click_id=\"1\",event_id=\"c\" " + std::to_string(kStart + kNsPerHour) + "\n");
  ExpectPeople(Metrics({"a"}, 60, 120, 60).points[0], 1, 1);
  ExpectPeople(Metrics({"a"}, 0, 120, 120).points[0], 1, 1);
}

TEST_F(MetricsTest, FinerStepsHaveSumsAndNoPeople) {
  Append(Line("click", "a", "1", 5, "u1", "1.1.1.1"));
  const MetricSeries series = Metrics({"a"}, 0, 60, 30);
  ASSERT_EQ(series.points.size(), 2U);
  EXPECT_TRUE(series.points[0].sums[Metric::kClicks] == 1);
  EXPECT_FALSE(series.points[0].users || series.points[0].ips);
  EXPECT_FALSE(Metrics({"a"}, 0, 90, 90).points[0].users) << "a step of hours and a half";
}

TEST_F(MetricsTest, DuplicatesAndResendsChangeNothing) {
  const std::string lines =
      Line("click", "a", "1", 5, "u1", "1.1.1.1") + Line("click", "a", "2", 6, "u2", "1.1.1.1");
  Append(lines);
  Append(lines);
  Append(Line("click", "a", "1", 5, "u9", "9.9.9.9"));  // a conflict: the first stands
  ExpectPeople(Metrics({"a"}, 0, 60, 60).points[0], 2, 1);
}

TEST_F(MetricsTest, OffSavesTheWorkAndOnAgainCountsWhatCameMeanwhile) {
  Append(Line("click", "a", "1", 5, "u1", "1.1.1.1"));
  options_.distinct = false;
  Reopen();
  Append(Line("click", "a", "2", 6, "u2", "1.1.1.2") + Line("click", "b", "5", 70, "u2", "1.1.1.2"));
  EXPECT_FALSE(Metrics({"a"}, 0, 60, 60).points[0].users);
  EXPECT_FALSE(Metrics({"a"}, 0, 60, 60).distinct_from_ms.has_value());
  ASSERT_TRUE(engine_->CompactAll(true).ok()) << "repacking does not wait for it";
  // What comes now stays in the log: both places are counted from.
  Append(Line("click", "a", "6", 8, "u4", "1.1.1.4"));
  options_.distinct = true;
  Reopen();
  Append(Line("click", "a", "3", 7, "u3", "1.1.1.3") + Line("click", "a", "4", 125, "u3", "1.1.1.3"));
  MetricSeries series;
  // Until raw has been counted, hours that may lack somebody are not given.
  for (int i = 0; i < 600; ++i) {
    series = Metrics({"a"}, 0, 180, 60);
    if (series.distinct_from_ms == INT64_MIN) break;
    EXPECT_EQ(series.distinct_from_ms, kStart / kNsPerMs + 2 * kMsPerHour);
    ExpectPeople(series.points[2], 1, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  for (const char* stage : {"counted", "reopened"}) {
    SCOPED_TRACE(stage);
    series = Metrics({"a"}, 0, 180, 60);
    EXPECT_EQ(series.distinct_from_ms, INT64_MIN);
    ExpectPeople(series.points[0], 4, 4);
    ExpectPeople(series.points[1], 0, 0);
    ExpectPeople(series.points[2], 1, 1);
    ExpectPeople(Metrics({"b"}, 60, 120, 60).points[0], 1, 1);
    Reopen();
  }
}

TEST_F(MetricsTest, WhatRetentionTookIsGoneAndNotZero) {
  Append(Line("click", "a", "1", 5, "u1", "1.1.1.1"));
  options_.retain_minutes_ms = kMsPerHour;
  options_.retain_hours_ms = 2 * kMsPerHour;
  Reopen();
  clock_.Set(kStart + 10 * kNsPerHour);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  const std::string ads[] = {"a"};
  EXPECT_EQ(engine_->Metrics(ads, {kMinute, kMinute + 60}, 60).status().code(), Code::kGone);
}

TEST_F(MetricsTest, BadRangesAreRefused) {
  const std::string ads[] = {"a"};
  EXPECT_EQ(engine_->Metrics(ads, {kMinute, kMinute}, 60).status().code(), Code::kInvalid);
  EXPECT_EQ(engine_->Metrics(ads, {kMinute, kMinute + 60}, 0).status().code(), Code::kInvalid);
  EXPECT_EQ(engine_->Metrics(ads, {kMinute, kMinute + 60}, 40).status().code(), Code::kInvalid);
  EXPECT_EQ(engine_->Metrics(ads, {kMinute, kMinute + 11'001}, 1).status().code(), Code::kInvalid);
}

TEST_F(MetricsTest, AFailedCommitLeavesNoPeopleBehind) {
  engine_.reset();
  auto file_system = std::make_shared<FaultyFileSystem>();
  Result<std::unique_ptr<Engine>> opened = EngineImpl::Open(options_, file_system);
  ASSERT_TRUE(opened.ok());
  engine_ = std::move(*opened);
  Append(Line("click", "a", "1", 5, "u1", "1.1.1.1"));
  file_system->FailLogSyncs(true);
  EXPECT_FALSE(AppendLines(engine_.get(), Line("click", "a", "2", 6, "u2", "1.1.1.2")).status.ok());
  file_system->FailLogSyncs(false);
  for (int i = 0; i < 600 && !engine_->WriteHealth().ok(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_TRUE(engine_->WriteHealth().ok());
  // The log decides whether the unacknowledged click is there; people follow the clicks.
  const MetricPoint point = Metrics({"a"}, 0, 60, 60).points[0];
  const auto clicks = static_cast<int64_t>(point.sums[Metric::kClicks]);
  ExpectPeople(point, clicks, clicks);
  Append(Line("click", "a", "2", 6, "u2", "1.1.1.2"));
  ExpectPeople(Metrics({"a"}, 0, 60, 60).points[0], 2, 2);
}

}  // namespace
}  // namespace tallymark
