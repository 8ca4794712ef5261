#include "engine/engine.h"

#include <string>

#include "tests/engine/test_events.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'609'459'200LL * kNsPerSecond;  // 2021-01-01T00:00:00Z
const int32_t kMinute = MinuteOf(kStart);

std::string Click(const std::string& ad, const std::string& id, int64_t time_ns,
                  const std::string& more = "") {
  return "click,ad_id=" + ad + " event_id=\"" + id + "\"" + more + " " + std::to_string(time_ns) + "\n";
}

int64_t Clicks(const Engine& engine, const std::string& ad, int32_t begin, int32_t end) {
  Result<MetricSums> sums = engine.Totals(ad, 0, {begin, end});
  EXPECT_TRUE(sums.ok()) << sums.status().message();
  return sums.ok() ? static_cast<int64_t>((*sums)[Metric::kClicks]) : -1;
}

class EngineTest : public ::testing::Test {
 protected:
  EngineOptions Options() {
    EngineOptions options;
    options.data_dir = directory_.path();
    options.clock = &clock_;
    options.memory_bytes = 64 << 20;
    options.free_space_floor_bytes = 0;
    return options;
  }
  void Open() { engine_ = MustOpen(Options()); }
  void Reopen() {
    engine_.reset();
    Open();
  }

  TempDirectory directory_;
  ManualClock clock_{kStart + 2 * kNsPerHour};
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, CountsWhatItAcknowledged) {
  Open();
  AppendOutcome outcome =
      AppendLines(engine_.get(),
                  Click("a", "1", kStart) + Click("a", "2", kStart + kNsPerMinute) + Click("b", "3", kStart));
  ASSERT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.accepted, 3U);
  EXPECT_EQ(Clicks(*engine_, "a", kMinute, kMinute + 60), 2);
  EXPECT_EQ(Clicks(*engine_, "a", kMinute + 1, kMinute + 2), 1);
  EXPECT_EQ(Clicks(*engine_, "b", kMinute, kMinute + 1), 1);
  EXPECT_EQ(Clicks(*engine_, "never seen", kMinute, kMinute + 60), 0);
}

TEST_F(EngineTest, AnIdentityCountsOnceWithinTheWindowAndAgainBeyondIt) {
  Open();
  const int64_t day = kNsPerDay;
  EXPECT_EQ(AppendLines(engine_.get(), Click("a", "1", kStart)).accepted, 1U);
  EXPECT_EQ(AppendLines(engine_.get(), Click("a", "1", kStart)).duplicates, 1U);
  EXPECT_EQ(AppendLines(engine_.get(), Click("a", "1", kStart - day)).duplicates, 1U);
  EXPECT_EQ(AppendLines(engine_.get(), Click("a", "1", kStart - day - 1)).accepted, 1U);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  EXPECT_EQ(AppendLines(engine_.get(), Click("a", "1", kStart)).duplicates, 1U);
  EXPECT_EQ(AppendLines(engine_.get(), Click("a", "1", kStart + day)).duplicates, 1U)
      << "the edge belongs to it";
  EXPECT_EQ(AppendLines(engine_.get(), Click("a", "1", kStart + day + 1)).accepted, 1U);
  Reopen();
  EXPECT_EQ(AppendLines(engine_.get(), Click("a", "1", kStart - day - 1)).duplicates, 1U);
}

TEST_F(EngineTest, AdsThatAnotherEngineRecognizedAreNumberedAnew) {
  TempDirectory other_directory;
  EngineOptions options = Options();
  options.data_dir = other_directory.path();
  std::unique_ptr<Engine> other = MustOpen(options);
  AppendLines(other.get(), Click("b", "1", kStart));
  Open();
  AppendLines(engine_.get(), Click("a", "1", kStart));
  std::shared_ptr<EventChunk> chunk = ParseLines(Click("b", "2", kStart));
  other->RecognizeAds(chunk.get());
  EXPECT_EQ(chunk->ads.of_event, std::vector<uint32_t>{0}) << "where it is the first ad";
  EXPECT_EQ(StartAppend(engine_.get(), chunk).get().accepted, 1U);
  EXPECT_EQ(Clicks(*engine_, "a", kMinute, kMinute + 1), 1);
  EXPECT_EQ(Clicks(*engine_, "b", kMinute, kMinute + 1), 1);
}

TEST_F(EngineTest, KindsHaveIdentitiesOfTheirOwn) {
  Open();
  AppendLines(engine_.get(), Click("a", "1", kStart));
  AppendOutcome outcome = AppendLines(
      engine_.get(), "impression,ad_id=a event_id=\"1\" " + std::to_string(kStart) + "\n" +
                         "conversion,ad_id=a event_id=\"1\",revenue=1.5 " + std::to_string(kStart) + "\n");
  EXPECT_EQ(outcome.accepted, 2U);
  Result<MetricSums> sums = engine_->Totals("a", 0, {kMinute, kMinute + 1});
  ASSERT_TRUE(sums.ok());
  EXPECT_TRUE((*sums)[Metric::kImpressions] == 1 && (*sums)[Metric::kConversions] == 1);
  EXPECT_TRUE((*sums)[Metric::kRevenue] == 1'500'000);
}

TEST_F(EngineTest, ADuplicateThatDiffersIsAConflict) {
  Open();
  AppendLines(engine_.get(), Click("a", "1", kStart, ",country=\"US\""));
  AppendLines(engine_.get(), Click("a", "1", kStart, ",country=\"US\""));
  EXPECT_EQ(engine_->Stats().conflicts, 0U);
  AppendLines(engine_.get(), Click("a", "1", kStart, ",country=\"DE\""));
  EXPECT_EQ(engine_->Stats().conflicts, 1U);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  AppendLines(engine_.get(), Click("a", "1", kStart + 1, ",country=\"US\""));
  EXPECT_EQ(engine_->Stats().conflicts, 2U);
  EXPECT_EQ(Clicks(*engine_, "a", kMinute, kMinute + 60), 1);
}

TEST_F(EngineTest, CountsAreTheSameAfterCheckpointRepackAndRestart) {
  Open();
  for (int i = 0; i < 300; ++i) {
    AppendLines(engine_.get(),
                Click("ad" + std::to_string(i % 7), std::to_string(i), kStart + i * kNsPerSecond * 40));
  }
  auto check = [&] {
    for (int ad = 0; ad < 7; ++ad) {
      EXPECT_EQ(Clicks(*engine_, "ad" + std::to_string(ad), kMinute, kMinute + 300), ad < 6 ? 43 : 42);
    }
  };
  check();
  ASSERT_TRUE(engine_->Checkpoint().ok());
  check();
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  check();
  Reopen();
  check();
  EXPECT_GT(engine_->Stats().events_stored, 299U);
}

TEST_F(EngineTest, RawEventsComeBackInOrderPageByPage) {
  Open();
  for (int i = 29; i >= 0; --i) {
    AppendLines(engine_.get(),
                Click(i % 2 == 0 ? "a" : "b", std::to_string(i), kStart + i * kNsPerMinute * 10));
  }
  auto read_all = [&] {
    std::vector<int64_t> times;
    std::string cursor;
    for (;;) {
      Result<EventPage> page = engine_->Events("a", kStart, kStart + kNsPerDay, 4, cursor);
      EXPECT_TRUE(page.ok()) << page.status().message();
      if (!page.ok()) return times;
      for (const RawEvent& e : page->events) times.push_back(e.time_ns);
      if (!page->cursor) return times;
      cursor = *page->cursor;
    }
  };
  std::vector<int64_t> expected;
  for (int i = 0; i < 30; i += 2) expected.push_back(kStart + i * kNsPerMinute * 10);
  EXPECT_EQ(read_all(), expected);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  EXPECT_EQ(read_all(), expected);
  EXPECT_GT(engine_->Stats().repacked_blocks, 0U);
}

TEST_F(EngineTest, PopularAdsBreaksTiesByIdAndLeavesOutZeros) {
  Open();
  AppendLines(engine_.get(), Click("z", "1", kStart) + Click("y", "2", kStart) + Click("x", "3", kStart) +
                                 Click("x", "4", kStart) + Click("w", "5", kStart - kNsPerHour));
  for (int round = 0; round < 2; ++round) {
    Result<TopList> top = engine_->PopularAds(0, Metric::kClicks, {kMinute, kMinute + 1}, 10);
    ASSERT_TRUE(top.ok());
    EXPECT_EQ(top->ad_ids, (std::vector<std::string>{"x", "y", "z"}));
    EXPECT_EQ(top->amounts, (std::vector<int64_t>{2, 1, 1}));
    Result<TopList> longer = engine_->PopularAds(0, Metric::kClicks, {kMinute - 90, kMinute + 60}, 2);
    ASSERT_TRUE(longer.ok());
    EXPECT_EQ(longer->ad_ids, (std::vector<std::string>{"x", "w"}));
    ASSERT_TRUE(engine_->Checkpoint().ok());
  }
}

TEST_F(EngineTest, SeriesHopsAndSlides) {
  Open();
  for (int m = 0; m < 10; ++m)
    AppendLines(engine_.get(), Click("a", std::to_string(m), kStart + m * kNsPerMinute));
  auto clicks = [&](int32_t step, int32_t window) {
    Result<std::vector<MetricSums>> points = engine_->Series("a", 0, {kMinute, kMinute + 12}, step, window);
    EXPECT_TRUE(points.ok()) << points.status().message();
    std::vector<int64_t> out;
    for (const MetricSums& p : *points) out.push_back(static_cast<int64_t>(p[Metric::kClicks]));
    return out;
  };
  EXPECT_EQ(clicks(3, 0), (std::vector<int64_t>{3, 3, 3, 1}));
  EXPECT_EQ(clicks(4, 6), (std::vector<int64_t>{4, 6, 4}));
  EXPECT_EQ(clicks(6, 60), (std::vector<int64_t>{6, 10}));
}

TEST_F(EngineTest, MinutesGoAndHoursStay) {
  Open();
  AppendLines(engine_.get(), Click("a", "1", kStart) + Click("a", "2", kStart + 90 * kNsPerSecond));
  engine_.reset();
  clock_.Set(kStart + 10 * kNsPerHour);
  EngineOptions options = Options();
  options.retain_minutes_ms = 2 * kMsPerHour;
  engine_ = MustOpen(options);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  EXPECT_EQ(Clicks(*engine_, "a", kMinute, kMinute + 60), 2);
  EXPECT_EQ(engine_->Totals("a", 0, {kMinute, kMinute + 1}).status().code(), Code::kGone);
  EXPECT_EQ(engine_->Series("a", 0, {kMinute, kMinute + 60}, 1, 0).status().code(), Code::kGone);
  engine_.reset();
  engine_ = MustOpen(Options());  // a longer retention does not bring back what is gone
  EXPECT_EQ(engine_->Totals("a", 0, {kMinute, kMinute + 1}).status().code(), Code::kGone);
  EXPECT_EQ(Clicks(*engine_, "a", kMinute, kMinute + 60), 2);
}

TEST_F(EngineTest, RawGoesWhenItExpiresAndCountsStay) {
  Open();
  AppendLines(engine_.get(), Click("a", "1", kStart));
  engine_.reset();
  clock_.Set(kStart + 100 * kNsPerHour);
  EngineOptions options = Options();
  options.retain_raw_ms = 48 * kMsPerHour;
  engine_ = MustOpen(options);
  AppendLines(engine_.get(), Click("a", "2", kStart + 99 * kNsPerHour));
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  EXPECT_EQ(engine_->Events("a", kStart, kStart + kNsPerHour, 10, "").status().code(), Code::kGone);
  Result<EventPage> page = engine_->Events("a", kStart + 90 * kNsPerHour, kStart + 100 * kNsPerHour, 10, "");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->events.size(), 1U);
  EXPECT_EQ(Clicks(*engine_, "a", kMinute, kMinute + 60), 1);
}

TEST_F(EngineTest, RefusesADirectoryInUse) {
  Open();
  Result<std::unique_ptr<Engine>> second = Engine::Open(Options());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kConflict) << second.status().message();
}

TEST_F(EngineTest, AppendAfterCloseIsRefused) {
  Open();
  ASSERT_TRUE(engine_->Close().ok());
  EXPECT_EQ(AppendLines(engine_.get(), Click("a", "1", kStart)).status.code(), Code::kUnavailable);
}

TEST_F(EngineTest, TimesBefore1970HaveBucketsToo) {
  Open();
  AppendLines(engine_.get(), Click("a", "1", -1) + Click("a", "2", -kNsPerHour));
  EXPECT_EQ(Clicks(*engine_, "a", -1, 0), 1);
  EXPECT_EQ(Clicks(*engine_, "a", -60, 0), 2);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  EXPECT_EQ(Clicks(*engine_, "a", -60, -59), 1);
}

}  // namespace
}  // namespace tallymark
