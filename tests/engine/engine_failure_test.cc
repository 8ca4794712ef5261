// Commits that fail: nothing is acknowledged, nothing is lost, nothing is counted twice, and the
// engine comes back by itself.

#include <chrono>
#include <thread>

#include "engine/engine_impl.h"
#include "tests/engine/faulty_file_system.h"
#include "tests/engine/test_events.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'609'459'200LL * kNsPerSecond;

std::string Clicks(int first, int count) {
  std::string lines;
  for (int i = first; i < first + count; ++i) {
    lines += "click,ad_id=a event_id=\"" + std::to_string(i) + "\" " + std::to_string(kStart + i) + "\n";
  }
  return lines;
}

class EngineFailureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.data_dir = directory_.path();
    options.clock = &clock_;
    options.memory_bytes = 64 << 20;
    options.free_space_floor_bytes = 0;
    Result<std::unique_ptr<Engine>> engine = EngineImpl::Open(options, file_system_);
    ASSERT_TRUE(engine.ok()) << engine.status().message();
    engine_ = std::move(*engine);
  }

  void WaitUntilWritable() {
    for (int i = 0; i < 600 && !engine_->WriteHealth().ok(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ASSERT_TRUE(engine_->WriteHealth().ok()) << engine_->WriteHealth().message();
  }

  int64_t Count() {
    Result<MetricSums> sums = engine_->Totals("a", 0, {MinuteOf(kStart), MinuteOf(kStart) + 1});
    EXPECT_TRUE(sums.ok()) << sums.status().message();
    return sums.ok() ? static_cast<int64_t>((*sums)[Metric::kClicks]) : -1;
  }

  TempDirectory directory_;
  ManualClock clock_{kStart + kNsPerHour};
  std::shared_ptr<FaultyFileSystem> file_system_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineFailureTest, AFailedSyncIsNotAcknowledgedAndAResendCountsOnce) {
  ASSERT_EQ(AppendLines(engine_.get(), Clicks(0, 100)).accepted, 100U);
  file_system_->FailLogSyncs(true);
  AppendOutcome failed = AppendLines(engine_.get(), Clicks(50, 100));
  EXPECT_EQ(failed.status.code(), Code::kUnavailable);
  EXPECT_GT(file_system_->failures(), 0);
  file_system_->FailLogSyncs(false);
  WaitUntilWritable();
  EXPECT_GE(Count(), 100) << "acknowledged events are there";
  AppendOutcome again = AppendLines(engine_.get(), Clicks(0, 150));
  ASSERT_TRUE(again.status.ok()) << again.status.message();
  EXPECT_EQ(again.accepted + again.duplicates, 150U);
  EXPECT_EQ(Count(), 150);
}

TEST_F(EngineFailureTest, EverythingInFlightFailsTogether) {
  ASSERT_EQ(AppendLines(engine_.get(), Clicks(0, 10)).accepted, 10U);
  file_system_->FailLogSyncs(true);
  std::vector<std::future<AppendOutcome>> waiting;
  for (int i = 0; i < 50; ++i) waiting.push_back(StartAppend(engine_.get(), ParseLines(Clicks(10, 20))));
  for (auto& w : waiting) EXPECT_EQ(w.get().status.code(), Code::kUnavailable);
  file_system_->FailLogSyncs(false);
  WaitUntilWritable();
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(AppendLines(engine_.get(), Clicks(10, 20)).status.ok());
    EXPECT_EQ(Count(), 30);
  }
}

TEST_F(EngineFailureTest, WritesStopBelowTheFloorOfFreeSpaceAndReadsGoOn) {
  ASSERT_EQ(AppendLines(engine_.get(), Clicks(0, 10)).accepted, 10U);
  engine_.reset();
  EngineOptions options;
  options.data_dir = directory_.path();
  options.clock = &clock_;
  options.free_space_floor_bytes = UINT64_MAX;
  engine_ = MustOpen(options);
  for (int i = 0; i < 200 && engine_->WriteHealth().ok(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(AppendLines(engine_.get(), Clicks(0, 20)).status.code(), Code::kUnavailable);
  EXPECT_EQ(Count(), 10);
}

}  // namespace
}  // namespace tallymark
