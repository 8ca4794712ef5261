// Filters through the engine: what is counted as it comes and what a job counts of the past meet
// without gap or overlap.

#include <atomic>
#include <chrono>
#include <thread>

#include "engine/engine.h"
#include "tests/engine/test_events.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'609'459'200LL * kNsPerSecond;  // 2021-01-01T00:00:00Z
const int32_t kMinute = MinuteOf(kStart);

class EngineFiltersTest : public ::testing::Test {
 protected:
  EngineFiltersTest() {
    options_.data_dir = directory_.path();
    options_.clock = &clock_;
    options_.memory_bytes = 64 << 20;
    options_.free_space_floor_bytes = 0;
    options_.repack_quiet_ms = 0;
    engine_ = MustOpen(options_);
  }
  void Reopen() {
    engine_.reset();
    engine_ = MustOpen(options_);
  }
  static FilterDefinition Where(const std::string& attribute, const std::string& text) {
    FilterDefinition definition;
    EXPECT_TRUE(AddPattern(attribute, {text}, false, &definition).ok());
    return definition;
  }
  FilterInfo Define(uint32_t id, const FilterDefinition& definition) {
    bool created = false;
    Result<FilterInfo> filter = engine_->DefineFilter(id, definition, &created);
    EXPECT_TRUE(filter.ok()) << filter.status().message();
    return filter.ok() ? *filter : FilterInfo();
  }
  JobInfo WaitFor(uint64_t job) {
    for (;;) {
      Result<JobInfo> found = engine_->FindJob(job);
      if (!found.ok() || IsAtRest(found->state)) return found.ok() ? *found : JobInfo();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  // Clicks of ads a and b with os 0..9 in turn, a minute every 20.
  void AppendClicks(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i, ++sent_) {
      lines += std::string("click,ad_id=") + (sent_ % 2 == 0 ? "a" : "b") +
               ",os=" + std::to_string(sent_ % 10) + " event_id=\"" + std::to_string(sent_) + "\" " +
               std::to_string(kStart + sent_ / 20 * kNsPerMinute) + "\n";
    }
    ASSERT_TRUE(AppendLines(engine_.get(), lines).status.ok());
  }
  int64_t Clicks(uint32_t filter, const std::string& ad) {
    Result<MetricSums> sums = engine_->Totals(ad, filter, {kMinute, kMinute + 100'000});
    EXPECT_TRUE(sums.ok()) << sums.status().message();
    return sums.ok() ? static_cast<int64_t>((*sums)[Metric::kClicks]) : -1;
  }
  std::vector<int64_t> Top(uint32_t filter) {
    Result<TopList> top = engine_->PopularAds(filter, Metric::kClicks, {kMinute, kMinute + 10'000}, 10);
    EXPECT_TRUE(top.ok()) << top.status().message();
    return top.ok() ? top->amounts : std::vector<int64_t>();
  }

  TempDirectory directory_;
  ManualClock clock_{kStart + 2 * kNsPerDay};
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  int64_t sent_ = 0;
};

TEST_F(EngineFiltersTest, PastAndPresentAreCounted) {
  AppendClicks(1000);
  FilterInfo filter = Define(12, Where("os", "4"));
  EXPECT_EQ(filter.id, 12U);
  AppendClicks(1000);
  JobInfo job = WaitFor(filter.job);
  EXPECT_EQ(job.state, JobState::kDone) << job.error;
  EXPECT_EQ(job.result, R"({"filter_id":12,"events":1000,"matches":100})");
  EXPECT_TRUE(engine_->ReadinessOf(12)->ready);
  EXPECT_TRUE(engine_->FindFilter(12)->ready);
  EXPECT_EQ(Clicks(12, "a"), 200);
  EXPECT_EQ(Clicks(12, "b"), 0);
  EXPECT_EQ(Top(12), (std::vector<int64_t>{200}));
  Result<std::vector<MetricSums>> series = engine_->Series("a", 12, {kMinute, kMinute + 100}, 1, 0);
  ASSERT_TRUE(series.ok());
  for (const MetricSums& point : *series) EXPECT_EQ(static_cast<int64_t>(point[Metric::kClicks]), 2);
  Reopen();
  EXPECT_EQ(Clicks(12, "a"), 200);
  EXPECT_EQ(Top(12), (std::vector<int64_t>{200}));
}

TEST_F(EngineFiltersTest, RepackedEventsAreCountedOnce) {
  for (int i = 0; i < 20; ++i) AppendClicks(50);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  ASSERT_GT(engine_->Stats().raw_blocks, 0U);
  for (int i = 0; i < 20; ++i) AppendClicks(50);
  WaitFor(Define(1, Where("os", "!4")).job);
  EXPECT_EQ(Clicks(1, "a"), 800);
  EXPECT_EQ(Clicks(1, "b"), 1000);
}

TEST_F(EngineFiltersTest, UnknownFiltersAreNotFound) {
  EXPECT_EQ(engine_->Totals("a", 5, {kMinute, kMinute + 1}).status().code(), Code::kNotFound);
  EXPECT_EQ(engine_->Series("a", 5, {kMinute, kMinute + 1}, 1, 0).status().code(), Code::kNotFound);
  EXPECT_EQ(engine_->PopularAds(5, Metric::kClicks, {kMinute, kMinute + 1}, 1).status().code(),
            Code::kNotFound);
  EXPECT_EQ(engine_->FindFilter(5).status().code(), Code::kNotFound);
  EXPECT_EQ(engine_->ReadinessOf(5).status().code(), Code::kNotFound);
  EXPECT_EQ(engine_->DeleteFilter(5).code(), Code::kNotFound);
  bool created = false;
  EXPECT_EQ(engine_->DefineFilter(0, {}, &created).status().code(), Code::kInvalid);
  EXPECT_TRUE(engine_->ReadinessOf(0)->ready);
}

// Another job first, so that the filter's own waits for as long as the test wants.
class HeldFiltersTest : public EngineFiltersTest {
 protected:
  void Hold() {
    hold_ = true;
    JobKind kind;
    kind.name = "hold";
    kind.resumable = false;
    kind.run = [this](JobContext& context) -> Result<std::string> {
      while (hold_ && !context.ShouldStop()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return std::string();
    };
    engine_->AddJobKind(kind);
    ASSERT_TRUE(engine_->StartJob("hold", "").ok());
  }
  std::atomic<bool> hold_{false};
};

TEST_F(HeldFiltersTest, UntilTheJobIsThroughAFilterIsNotReady) {
  AppendClicks(100);
  Hold();
  FilterInfo filter = Define(3, Where("os", "4"));
  AppendClicks(100);
  EXPECT_FALSE(filter.ready);
  EXPECT_FALSE(engine_->ReadinessOf(3)->ready);
  EXPECT_LT(engine_->ReadinessOf(3)->progress, 1.0);
  EXPECT_EQ(Clicks(3, "a"), 10) << "what came since";
  bool created = false;
  EXPECT_EQ(engine_->DefineFilter(3, {}, &created).status().code(), Code::kConflict);
  EXPECT_EQ(engine_->DeleteFilter(3).code(), Code::kConflict);
  hold_ = false;
  WaitFor(filter.job);
  EXPECT_EQ(Clicks(3, "a"), 20);
}

TEST_F(HeldFiltersTest, ARedefinedFilterAnswersWithItsOldCountsUntilTheNewAreWhole) {
  AppendClicks(100);
  WaitFor(Define(3, Where("os", "4")).job);
  Hold();
  FilterInfo filter = Define(3, Where("os", "5"));
  AppendClicks(100);
  EXPECT_EQ(Clicks(3, "a"), 20) << "the old definition goes on";
  EXPECT_EQ(Clicks(3, "b"), 0);
  EXPECT_FALSE(engine_->ReadinessOf(3)->ready);
  EXPECT_EQ(engine_->FindFilter(3)->counted, Where("os", "4"));
  hold_ = false;
  WaitFor(filter.job);
  EXPECT_EQ(Clicks(3, "a"), 0);
  EXPECT_EQ(Clicks(3, "b"), 20);
  EXPECT_FALSE(engine_->FindFilter(3)->counted);
}

TEST_F(HeldFiltersTest, CancellingTakesADefinitionBack) {
  AppendClicks(100);
  WaitFor(Define(3, Where("os", "4")).job);
  Hold();
  uint64_t again = Define(3, Where("os", "5")).job;
  uint64_t fresh = Define(4, Where("os", "6")).job;
  ASSERT_TRUE(engine_->CancelJob(again).ok());
  ASSERT_TRUE(engine_->CancelJob(fresh).ok());
  hold_ = false;
  EXPECT_EQ(WaitFor(again).state, JobState::kCancelled);
  EXPECT_EQ(WaitFor(fresh).state, JobState::kCancelled);
  EXPECT_EQ(engine_->FindFilter(3)->definition, Where("os", "4"));
  EXPECT_TRUE(engine_->FindFilter(3)->ready);
  EXPECT_EQ(engine_->FindFilter(4).status().code(), Code::kNotFound);
  AppendClicks(100);
  EXPECT_EQ(Clicks(3, "a"), 20);
}

TEST_F(HeldFiltersTest, ARestartGoesOnWithWhatWaits) {
  AppendClicks(100);
  Hold();
  std::vector<uint64_t> jobs;
  for (uint32_t id = 1; id <= 10; ++id) {
    jobs.push_back(Define(id, Where("os", std::to_string(id - 1))).job);
    AppendClicks(10);
  }
  Reopen();
  AppendClicks(100);
  for (uint64_t job : jobs) EXPECT_EQ(WaitFor(job).state, JobState::kDone);
  for (uint32_t id = 1; id <= 10; ++id) EXPECT_EQ(Clicks(id, id % 2 == 1 ? "a" : "b"), 30) << id;
}

TEST_F(HeldFiltersTest, NothingIsRepackedWhileAFilterIsCounted) {
  for (int i = 0; i < 20; ++i) AppendClicks(50);
  Hold();
  FilterInfo filter = Define(1, Where("os", "4"));
  for (int i = 0; i < 20; ++i) AppendClicks(50);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  hold_ = false;
  WaitFor(filter.job);
  EXPECT_EQ(Clicks(1, "a"), 200);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  EXPECT_EQ(Clicks(1, "a"), 200);
}

TEST_F(EngineFiltersTest, ADeletedFilterIsGoneAndItsRowsAreDropped) {
  AppendClicks(1000);
  WaitFor(Define(1, Where("os", "4")).job);
  ASSERT_TRUE(engine_->DeleteFilter(1).ok());
  EXPECT_EQ(engine_->Totals("a", 1, {kMinute, kMinute + 1}).status().code(), Code::kNotFound);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  Reopen();
  EXPECT_TRUE(engine_->Filters().empty());
  WaitFor(Define(1, Where("os", "5")).job);
  EXPECT_EQ(Clicks(1, "a"), 0) << "nothing of the first definition";
  EXPECT_EQ(Clicks(1, "b"), 100);
}

TEST_F(EngineFiltersTest, ManyFiltersAreCountedTogether) {
  AppendClicks(2000);
  std::vector<uint64_t> jobs;
  for (uint32_t id = 1; id <= 300; ++id)
    jobs.push_back(Define(id, Where("event_id", std::to_string(id))).job);
  for (uint64_t job : jobs) EXPECT_EQ(WaitFor(job).state, JobState::kDone);
  for (uint32_t id = 1; id <= 300; ++id) EXPECT_EQ(Clicks(id, id % 2 == 0 ? "a" : "b"), 1) << id;
  EXPECT_EQ(engine_->Filters().size(), 300U);
}

TEST_F(EngineFiltersTest, DefinitionsUnderLiveIngestMissNothingAndRepeatNothing) {
  options_.checkpoint_events = 500;
  options_.checkpoint_interval_ms = 20;
  Reopen();
  std::atomic<bool> more{true};
  std::thread stream([&] {
    while (more) AppendClicks(100);
  });
  std::vector<uint64_t> jobs;
  for (int round = 0; round < 5; ++round) {
    for (uint32_t id = 1; id <= 4; ++id) {
      jobs.push_back(Define(id, Where("os", std::to_string(round + static_cast<int>(id)))).job);
    }
    for (uint64_t job : jobs) EXPECT_EQ(WaitFor(job).state, JobState::kDone);
    jobs.clear();
  }
  more = false;
  stream.join();
  for (uint32_t id = 1; id <= 4; ++id) {
    EXPECT_EQ(Clicks(id, id % 2 == 0 ? "a" : "b"), sent_ / 10) << id;  // os is 4 + id
    EXPECT_EQ(Clicks(id, id % 2 == 0 ? "b" : "a"), 0) << id;
  }
  Reopen();
  for (uint32_t id = 1; id <= 4; ++id) EXPECT_EQ(Clicks(id, id % 2 == 0 ? "a" : "b"), sent_ / 10) << id;
}

TEST_F(EngineFiltersTest, WhatRetentionTookIsToldWithTheFilter) {
  options_.retain_raw_ms = 24 * kMsPerHour;
  Reopen();
  clock_.Set(kStart + kNsPerHour);
  AppendClicks(100);
  clock_.Set(kStart + 60 * kNsPerHour);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  FilterInfo filter = Define(1, Where("os", "4"));
  WaitFor(filter.job);
  filter = *engine_->FindFilter(1);
  ASSERT_TRUE(filter.complete_from_ms);
  EXPECT_EQ(*filter.complete_from_ms, engine_->Stats().raw_kept_from_hour * kMsPerHour);
  // Nobody knows how many these were: no answer is a number.
  const MinuteRange expired{HourOf(kStart) * kMinutesPerHour, HourOf(kStart) * kMinutesPerHour + 120};
  EXPECT_EQ(engine_->Totals("a", 1, expired).status().code(), Code::kGone);
  EXPECT_EQ(engine_->Series("a", 1, expired, 60, 60).status().code(), Code::kGone);
  EXPECT_EQ(engine_->PopularAds(1, Metric::kClicks, expired, 10).status().code(), Code::kGone);
  EXPECT_EQ((*engine_->Totals("a", 0, expired))[Metric::kClicks], 50);
  const int32_t kept = engine_->Stats().raw_kept_from_hour * kMinutesPerHour;
  EXPECT_EQ((*engine_->Totals("a", 1, {kept, kept + 60}))[Metric::kClicks], 0);
}

}  // namespace
}  // namespace tallymark
