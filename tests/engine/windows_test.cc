// Tumbling, hopping and sliding windows against a naive computation over the events.

#include <random>

#include "tests/engine/recorded_stream.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

class WindowsTest : public ::testing::Test {
 protected:
  int32_t Below(int64_t bound) { return static_cast<int32_t>(random_() % static_cast<uint64_t>(bound)); }

  MetricSums Naive(const std::string& ad, int32_t begin, int32_t end) const {
    MetricSums sums;
    for (const auto& [place, amounts] : stream_.minutes()) {
      if (place.first == ad && place.second >= begin && place.second < end) sums.Add(amounts);
    }
    return sums;
  }

  // `unit`: steps and windows are multiples of it.
  void CheckRandomSeries(int32_t unit) {
    const int32_t step = unit * (1 + Below(Below(3) == 0 ? 600 / unit + 1 : 5));
    const bool hopping = Below(2) == 0;
    const int32_t window = hopping ? step + unit * Below(900 / unit + 1) : 0;
    const int32_t first = (MinuteOf(kStreamStart) - 400 + Below(500)) / step * step;
    const int32_t count = 1 + Below(std::max(1, 1500 / step));
    const std::string ad = "ad" + std::to_string(Below(6));
    Result<std::vector<MetricSums>> points =
        engine_->Series(ad, 0, {first, first + count * step}, step, window);
    ASSERT_TRUE(points.ok()) << points.status().message();
    ASSERT_EQ(points->size(), static_cast<size_t>(count));
    for (int32_t i = 0; i < count; ++i) {
      const int32_t end = first + (i + 1) * step;
      ASSERT_TRUE(points->at(static_cast<size_t>(i)) == Naive(ad, end - (hopping ? window : step), end))
          << "seed " << seed_ << " ad " << ad << " step " << step << " window " << window << " point " << i;
    }
    const int32_t begin = first + Below(step);
    const int32_t end = begin + 1 + Below(1000);
    Result<MetricSums> totals = engine_->Totals(ad, 0, {begin, end});
    ASSERT_TRUE(totals.ok() && *totals == Naive(ad, begin, end)) << "seed " << seed_;
  }

  const uint64_t seed_ = TestSeed();
  std::mt19937_64 random_{seed_};
  TempDirectory directory_;
  ManualClock clock_{kStreamStart + 12 * kNsPerHour};
  RecordedStream stream_{seed_};
  std::unique_ptr<Engine> engine_;
};

TEST_F(WindowsTest, AnyStepAndWindowGiveWhatANaiveComputationGives) {
  const EngineOptions options = QuietOptions(directory_.path(), &clock_);
  engine_ = MustOpen(options);
  for (int round = 0; round < 8 && !HasFatalFailure(); ++round) {
    ASSERT_TRUE(AppendLines(engine_.get(), stream_.Lines(150, 5, 300)).status.ok());
    if (round % 2 == 1) {
      ASSERT_TRUE(engine_->Checkpoint().ok());
    }
    if (round == 3) {
      ASSERT_TRUE(engine_->CompactAll(true).ok());
    }
    if (round == 5) {
      engine_.reset();
      engine_ = MustOpen(options);
    }
    for (int i = 0; i < 20 && !HasFatalFailure(); ++i) CheckRandomSeries(i % 3 == 0 ? kMinutesPerHour : 1);
  }
}

}  // namespace
}  // namespace tallymark
