// What the upkeep thread does by itself: seals before counts are due, and what follows when nothing comes.

#include <chrono>
#include <filesystem>
#include <thread>

#include "engine/file_names.h"
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

uint64_t LogBytes(const std::string& data_dir) {
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(DatabasePath(data_dir)))
    bytes += file.path().extension() == ".log" ? file.file_size() : 0;
  return bytes;
}

TEST(QuietEngineTest, LeavesNothingInTheLogOfRocksDb) {
  TempDirectory directory;
  ManualClock clock(kStreamStart + kNsPerHour);
  EngineOptions options = QuietOptions(directory.path(), &clock);
  std::string lines;
  for (int i = 0; i < 100'000; ++i)
    lines += "click,ad_id=a event_id=\"" + std::to_string(i * 7'919LL) + "\" " +
             std::to_string(kStreamStart + i) + "\n";
  const std::unique_ptr<Engine> engine = MustOpen(options);
  ASSERT_EQ(AppendLines(engine.get(), lines).accepted, 100'000U);
  ASSERT_GT(LogBytes(directory.path()), 100'000U) << "no log to be rid of: the test shows nothing";
  ASSERT_TRUE(engine->Checkpoint().ok());
  for (int i = 0; i < 600 && LogBytes(directory.path()) > 10'000; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(LogBytes(directory.path()), 10'000U);
}

}  // namespace
}  // namespace tallymark
