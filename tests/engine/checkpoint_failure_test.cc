// Checkpoints that fail: what they would have covered is neither lost nor counted twice.

#include <chrono>
#include <thread>

#include "engine/file_names.h"
#include "engine/inspect.h"
#include "tests/engine/recorded_stream.h"

namespace tallymark {
namespace {

class CheckpointFailureTest : public ::testing::Test {
 protected:
  void Open() { engine_ = MustOpen(QuietOptions(directory_.path(), &clock_)); }
  void Append(int first, int count) {
    std::string lines;
    for (int i = first; i < first + count; ++i)
      lines +=
          "click,ad_id=a event_id=\"" + std::to_string(i) + "\" " + std::to_string(kStreamStart + i) + "\n";
    for (int i = 0; i < 600; ++i) {
      AppendOutcome outcome = AppendLines(engine_.get(), lines);
      if (outcome.status.ok()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    FAIL() << "writes did not come back";
  }
  int64_t Count() {
    for (int i = 0; i < 600; ++i) {
      Result<MetricSums> sums = engine_->Totals("a", 0, {MinuteOf(kStreamStart), MinuteOf(kStreamStart) + 1});
      if (sums.ok()) return static_cast<int64_t>((*sums)[Metric::kClicks]);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return -1;
  }
  // Without its folder no sorted file can be written.
  void BreakScratch() { std::filesystem::remove_all(ScratchDirectory(directory_.path())); }
  void MendScratch() { std::filesystem::create_directories(ScratchDirectory(directory_.path())); }

  TempDirectory directory_;
  ManualClock clock_{kStreamStart + kNsPerHour};
  std::unique_ptr<Engine> engine_;
};

TEST_F(CheckpointFailureTest, TheNextCheckpointCoversWhatAFailedOneLeft) {
  Open();
  Append(0, 100);
  BreakScratch();
  EXPECT_FALSE(engine_->Checkpoint().ok());
  MendScratch();
  Append(100, 50);
  EXPECT_EQ(Count(), 150);
  for (int i = 0; i < 600 && !engine_->Checkpoint().ok(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(Count(), 150);
  engine_.reset();
  Result<std::unique_ptr<Inspector>> inspector = Inspector::Open(directory_.path());
  ASSERT_TRUE(inspector.ok());
  Result<VerifyReport> report = (*inspector)->Verify({});
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->ok()) << report->damage_count << " damaged, " << report->mismatch_count
                            << " mismatches";
  EXPECT_EQ(report->events, 150U);
}

}  // namespace
}  // namespace tallymark
