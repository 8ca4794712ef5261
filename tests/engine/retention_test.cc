// Retention while events come in, queries run and RocksDB compacts: an answer is right or it is
// kGone, never too small.

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "tests/engine/recorded_stream.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

class RetentionTest : public ::testing::Test {
 protected:
  static constexpr int kAds = 4;
  static std::string AdName(uint64_t number) { return "ad" + std::to_string(number); }

  RetentionTest() {
    options_ = QuietOptions(directory_.path(), &clock_);
    options_.dedup_window_ms = kMsPerHour;
    options_.retain_raw_ms = 6 * kMsPerHour;
    options_.retain_minutes_ms = 4 * kMsPerHour;
    options_.retain_hours_ms = 12 * kMsPerHour;
    options_.checkpoint_interval_ms = 10;
    options_.repack_quiet_ms = 10;
    engine_ = MustOpen(options_);
  }

  // Clicks of the last minutes; the hours before the clock's are closed then.
  void AppendAndAdvance(std::mt19937_64* random) {
    std::string lines;
    const int64_t now = clock_.NowNs();
    std::lock_guard lock(mutex_);
    for (int i = 0; i < 30; ++i) {
      const std::string ad = AdName((*random)() % kAds);
      const int64_t time = now - static_cast<int64_t>((*random)() % 20) * kNsPerMinute;
      lines += "click,ad_id=" + ad + " event_id=\"" + std::to_string(++number_) + "\" " +
               std::to_string(time) + "\n";
      ++clicks_[ad][MinuteOf(time)];
    }
    ASSERT_TRUE(AppendLines(engine_.get(), lines).status.ok());
    clock_.Set(now + 7 * kNsPerMinute);
    closed_hour_ = HourOf(clock_.NowNs() - 20 * kNsPerMinute);
  }

  int64_t Count(const std::string& ad, MinuteRange range) {
    std::lock_guard lock(mutex_);
    int64_t count = 0;
    const auto& minutes = clicks_[ad];
    for (auto it = minutes.lower_bound(range.begin); it != minutes.end() && it->first < range.end; ++it)
      count += it->second;
    return count;
  }

  // A range of closed hours, asked for as a sum and as a series.
  void CheckSomeRange(std::mt19937_64* random) {
    const std::string ad = AdName((*random)() % kAds);
    const bool whole_hours = (*random)() % 2 == 0;
    const int32_t unit = whole_hours ? kMinutesPerHour : 1;
    const int32_t end =
        (closed_hour_.load() * kMinutesPerHour - static_cast<int32_t>((*random)() % 900)) / unit * unit;
    const MinuteRange range{end - unit * static_cast<int32_t>(1 + (*random)() % 5), end};
    const int64_t expected = Count(ad, range);
    Result<MetricSums> totals = engine_->Totals(ad, 0, range);
    if (totals.ok()) {
      ASSERT_EQ(static_cast<int64_t>((*totals)[Metric::kClicks]), expected);
      ++answered_;
    } else {
      ASSERT_EQ(totals.status().code(), Code::kGone) << totals.status().message();
      const EngineStats stats = engine_->Stats();
      const int32_t first = HourOfMinute(range.begin);
      ASSERT_LT(first, whole_hours ? stats.hours_kept_from_hour : stats.minutes_kept_from_hour);
      ++gone_;
    }
    Result<std::vector<MetricSums>> series = engine_->Series(ad, 0, range, unit, 0);
    if (!series.ok()) {
      ASSERT_EQ(series.status().code(), Code::kGone);
      return;
    }
    int64_t sum = 0;
    for (const MetricSums& point : *series) sum += static_cast<int64_t>(point[Metric::kClicks]);
    ASSERT_EQ(sum, expected);
  }

  TempDirectory directory_;
  ManualClock clock_{kStreamStart};
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  std::mutex mutex_;
  std::map<std::string, std::map<int32_t, int64_t>> clicks_;
  std::atomic<int32_t> closed_hour_{HourOf(kStreamStart) - 1};
  std::atomic<int> answered_{0};
  std::atomic<int> gone_{0};
  int number_ = 0;
};

TEST_F(RetentionTest, AnswersAreWholeOrGoneWhileRowsExpireAndCompact) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  std::atomic<bool> done{false};
  std::thread reader([&] {
    std::mt19937_64 own(seed + 1);
    while (!done && !HasFatalFailure()) CheckSomeRange(&own);
  });
  std::thread compactor([&] {
    while (!done) EXPECT_TRUE(engine_->CompactAll(false).ok());
  });
  for (int i = 0; i < 250 && !HasFatalFailure(); ++i) AppendAndAdvance(&random);
  done = true;
  reader.join();
  compactor.join();
  EXPECT_GT(answered_, 0);
  EXPECT_GT(gone_, 0);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  for (int i = 0; i < 300 && !HasFatalFailure(); ++i) CheckSomeRange(&random);
  Result<ReconcileReport> report = engine_->Reconcile(0, clock_.NowNs() + kNsPerHour, {});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->mismatch_count, 0U) << "seed " << seed;
  EXPECT_TRUE(report->complete_from_ms.has_value());
}

TEST_F(RetentionTest, HoursDoNotChangeWhenTheirMinutesGo) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  while (closed_hour_ < HourOf(kStreamStart) + 3) AppendAndAdvance(&random);
  const int32_t begin = HourOf(kStreamStart) * kMinutesPerHour;
  const MinuteRange hours{begin, begin + 2 * kMinutesPerHour};
  const MinuteRange minutes{begin + 1, begin + 2};
  const MetricSums before = *engine_->Totals("ad0", 0, hours);
  ASSERT_TRUE(engine_->Totals("ad0", 0, minutes).ok());
  clock_.Set(clock_.NowNs() + 5 * kNsPerHour);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  EXPECT_EQ(engine_->Totals("ad0", 0, minutes).status().code(), Code::kGone);
  EXPECT_EQ(engine_->Series("ad0", 0, hours, 1, 0).status().code(), Code::kGone);
  EXPECT_EQ(engine_->PopularAds(0, Metric::kClicks, minutes, 10).status().code(), Code::kGone);
  EXPECT_TRUE(*engine_->Totals("ad0", 0, hours) == before);
  EXPECT_TRUE(engine_->PopularAds(0, Metric::kClicks, hours, 10).ok());
  // Keeping them longer from now on brings nothing back.
  options_.retain_minutes_ms = options_.retain_hours_ms;
  options_.retain_raw_ms = 0;
  engine_.reset();
  engine_ = MustOpen(options_);
  EXPECT_EQ(engine_->Totals("ad0", 0, minutes).status().code(), Code::kGone);
  clock_.Set(clock_.NowNs() + 10 * kNsPerHour);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  EXPECT_EQ(engine_->Totals("ad0", 0, hours).status().code(), Code::kGone) << "never a false 0";
  EXPECT_EQ(engine_->Events("ad0", begin * kNsPerMinute, clock_.NowNs(), 10, "").status().code(),
            Code::kGone);
  SessionQuery query;
  query.from_ns = begin * kNsPerMinute;
  query.to_ns = clock_.NowNs();
  EXPECT_EQ(engine_->Sessions("ad0", query).status().code(), Code::kGone);
}

}  // namespace
}  // namespace tallymark
