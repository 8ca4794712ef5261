// Joins against a model: clicks and conversions of random lags in random order, each sent once or
// more, with checkpoints, repacking, commits that fail and reopening in between; at the end every
// conversion whose click came counts exactly once under the click's ad, and the others wait.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <thread>

#include "engine/engine_impl.h"
#include "tests/engine/faulty_file_system.h"
#include "tests/engine/test_events.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'700'000'000LL * kNsPerSecond / kNsPerDay * kNsPerDay;
constexpr int64_t kWindow = 5 * kNsPerDay;

struct Line {
  std::string text;
  bool is_click = false;
};

class ConversionModelTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const char* fixed = std::getenv("TALLYMARK_SEED");
    seed_ = fixed != nullptr ? std::strtoull(fixed, nullptr, 10) : std::random_device()() * 8ULL + GetParam();
    std::cout << "seed " << seed_ << " (set TALLYMARK_SEED to repeat)\n";
    random_.seed(seed_);
    options_.data_dir = directory_.path();
    options_.clock = &clock_;
    options_.memory_bytes = 64 << 20;
    options_.free_space_floor_bytes = 0;
    options_.checkpoint_events = 200;
    options_.checkpoint_interval_ms = 20;
    if (seed_ % 2 == 0) options_.people_beside_bytes = 0;  // always on a second thread
    options_.seal_identities = 300;
    options_.conversion_window_ms = kWindow / kNsPerMs;
    Open();
  }
  void Open() {
    engine_.reset();
    Result<std::unique_ptr<Engine>> engine = EngineImpl::Open(options_, file_system_);
    ASSERT_TRUE(engine.ok()) << engine.status().message();
    engine_ = std::move(*engine);
  }
  uint64_t Pick(uint64_t n) { return random_() % n; }

  // A click (which may never come) and its conversions.
  void MakeClick(int number) {
    const std::string id = std::to_string(number);
    const std::string ad = "ad" + std::to_string(Pick(20));
    const int64_t time = kStart + static_cast<int64_t>(Pick(20 * 86'400)) * kNsPerSecond;
    const bool comes = Pick(10) != 0;
    if (comes) {
      lines_.push_back({"click,ad_id=" + ad + ",country=C" + id + " event_id=\"" + id + "\" " +
                            std::to_string(time) + "\n",
                        true});
      expected_[ad][Metric::kClicks] += 1;
    }
    const uint64_t conversions = Pick(4);
    for (uint64_t i = 0; i < conversions; ++i) {
      const int64_t lag = static_cast<int64_t>(Pick(12 * 86'400)) * kNsPerSecond - 6 * kNsPerDay;
      const int64_t micros = static_cast<int64_t>(Pick(1'000'000));
      const std::string own_id = (id + "-").append(std::to_string(i));
      const std::string named = Pick(3) != 0 ? ",event_id=\"" + own_id + "\"" : "";
      std::string line = "conversion click_id=\"";
      line.append(id).append("\"").append(named).append(",n=").append(std::to_string(i));
      line.append("i,revenue=\"").append(std::to_string(micros)).append("\" ");
      line.append(std::to_string(time + lag)).append("\n");
      lines_.push_back({line, false});
      if (comes && std::llabs(lag) <= kWindow) {
        expected_[ad][Metric::kConversions] += 1;
        expected_[ad][Metric::kRevenue] += __int128{micros} * 1'000'000;
      } else {
        ++expected_waiting_;
      }
    }
  }

  // Until it is acknowledged: what was not is sent again.
  void SendUntilTaken(const std::string& lines) {
    for (int attempt = 0;; ++attempt) {
      if (Pick(25) == 0 && attempt == 0) file_system_->FailLogSyncs(true);
      AppendOutcome outcome = AppendLines(engine_.get(), lines);
      file_system_->FailLogSyncs(false);
      if (outcome.status.ok()) return;
      ASSERT_LT(attempt, 50) << outcome.status.message();
      for (int i = 0; i < 600 && !engine_->WriteHealth().ok(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  void Disturb() {
    switch (Pick(12)) {
      case 0:
        Open();
        break;
      case 1:
        ASSERT_TRUE(engine_->CompactAll(true).ok());
        break;
      case 2:
        ASSERT_TRUE(engine_->Checkpoint().ok());
        break;
      default:
        break;
    }
  }

  void Compare() {
    EXPECT_EQ(engine_->Stats().waiting_conversions, expected_waiting_) << "seed " << seed_;
    for (int i = 0; i < 20; ++i) {
      const std::string ad = "ad" + std::to_string(i);
      Result<MetricSums> sums =
          engine_->Totals(ad, 0, {MinuteOf(kStart - 30 * kNsPerDay), MinuteOf(kStart + 60 * kNsPerDay)});
      ASSERT_TRUE(sums.ok()) << sums.status().message();
      EXPECT_TRUE(*sums == expected_[ad]) << "seed " << seed_ << " " << ad;
    }
  }

  uint64_t seed_ = 0;
  std::mt19937_64 random_;
  TempDirectory directory_;
  ManualClock clock_{kStart + 100 * kNsPerDay};
  std::shared_ptr<FaultyFileSystem> file_system_ = std::make_shared<FaultyFileSystem>();
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  std::vector<Line> lines_;
  std::map<std::string, MetricSums> expected_;
  uint64_t expected_waiting_ = 0;
};

TEST_P(ConversionModelTest, EveryConversionCountsOnceUnderItsClick) {
  for (int i = 0; i < 1500; ++i) MakeClick(i);
  std::shuffle(lines_.begin(), lines_.end(), random_);
  const int order = GetParam() % 3;  // as they come, conversions first, clicks first
  if (order != 0) {
    std::stable_partition(lines_.begin(), lines_.end(),
                          [&](const Line& line) { return line.is_click == (order == 2); });
  }
  for (size_t i = 0; i < lines_.size() && !HasFatalFailure();) {
    std::string chunk;
    for (uint64_t n = 1 + Pick(80); n > 0 && i < lines_.size(); --n) {
      chunk += lines_[i++].text;
      if (Pick(6) == 0) chunk += lines_[Pick(i)].text;
    }
    SendUntilTaken(chunk);
    Disturb();
  }
  Compare();
  Open();
  Compare();
  for (const Line& line : lines_)
    ASSERT_EQ(AppendLines(engine_.get(), line.text).duplicates, 1U) << line.text;
  Compare();
}

INSTANTIATE_TEST_SUITE_P(Seeds, ConversionModelTest, ::testing::Range(0, 3));

}  // namespace
}  // namespace tallymark
