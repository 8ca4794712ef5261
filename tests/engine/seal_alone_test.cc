// Identities that are sealed before counts are due: a checkpoint of their own.

#include <chrono>
#include <thread>

#include "engine/inspect.h"
#include "tests/engine/recorded_stream.h"

namespace tallymark {
namespace {

constexpr int kEvents = 150;

std::string Lines() {
  std::string lines;
  for (int i = 0; i < kEvents; ++i) {
    lines += "click,ad_id=a event_id=\"" + std::to_string(i) + "\",user_id=\"u" + std::to_string(i % 40) +
             "\",ip=\"10.0.0." + std::to_string(i % 50) + "\" " + std::to_string(kStreamStart + i) + "\n";
  }
  return lines;
}

class SealAloneTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.seal_identities = kEvents / 2;
    engine_ = MustOpen(options_);
    ASSERT_EQ(AppendLines(engine_.get(), Lines()).accepted, uint64_t{kEvents});
    WaitForSeal();
  }

  void WaitForSeal() {
    for (int i = 0; i < 600 && engine_->Stats().identity_segments == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ASSERT_EQ(engine_->Stats().identity_segments, 1U);
  }

  uint64_t PositionOf(const std::string& view) { return engine_->Stats().view_positions.at(view); }

  void ExpectCountedOnce() {
    const std::vector<std::string> ads{"a"};
    const MinuteRange hour{MinuteOf(kStreamStart), MinuteOf(kStreamStart) + kMinutesPerHour};
    Result<MetricSeries> series = engine_->Metrics(ads, hour, kMinutesPerHour);
    ASSERT_TRUE(series.ok()) << series.status().message();
    ASSERT_EQ(series->points.size(), 1U);
    EXPECT_TRUE(series->points[0].sums[Metric::kClicks] == kEvents);
    EXPECT_EQ(series->points[0].users, (DistinctCount{40, true}));
    EXPECT_EQ(series->points[0].ips, (DistinctCount{50, true}));
  }

  TempDirectory directory_;
  ManualClock clock_{kStreamStart + kNsPerHour};
  EngineOptions options_ = QuietOptions(directory_.path() + "/data", &clock_);
  std::unique_ptr<Engine> engine_;
};

TEST_F(SealAloneTest, LeavesCountsInMemory) {
  EXPECT_EQ(PositionOf("identities"), engine_->Stats().last_sequence);
  EXPECT_EQ(PositionOf("counters"), 0U);
  EXPECT_EQ(PositionOf("distinct"), 0U);
  ExpectCountedOnce();
}

TEST_F(SealAloneTest, ACrashBehindItLosesNothingAndRepeatsNothing) {
  const std::string image = directory_.path() + "/image";
  CopyWhenIdle(*engine_, options_.data_dir, image);
  engine_.reset();
  options_.data_dir = image;
  engine_ = MustOpen(options_);
  ExpectCountedOnce();
  const AppendOutcome again = AppendLines(engine_.get(), Lines());
  EXPECT_EQ(again.accepted, 0U);
  EXPECT_EQ(again.duplicates, uint64_t{kEvents});
  ExpectCountedOnce();
  engine_.reset();
  Result<std::unique_ptr<Inspector>> inspector = Inspector::Open(image);
  ASSERT_TRUE(inspector.ok());
  Result<VerifyReport> report = (*inspector)->Verify({});
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->ok()) << report->damage_count << " damaged, " << report->mismatch_count << " differ";
}

TEST_F(SealAloneTest, TheNextCheckpointCoversTheRest) {
  ASSERT_TRUE(engine_->Checkpoint().ok());
  EXPECT_EQ(PositionOf("counters"), engine_->Stats().last_sequence);
  EXPECT_EQ(PositionOf("distinct"), engine_->Stats().last_sequence);
  ExpectCountedOnce();
}

}  // namespace
}  // namespace tallymark
