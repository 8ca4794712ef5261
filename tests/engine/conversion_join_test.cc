// Conversions without an ad: they count under the click they name, whenever it comes.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "tests/engine/test_events.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'609'459'200LL * kNsPerSecond;  // 2021-01-01T00:00:00Z
constexpr int64_t kEver = INT64_MAX / 2;

std::string At(int64_t time_ns) { return " " + std::to_string(time_ns) + "\n"; }

std::string Click(const std::string& ad, const std::string& id, int64_t time_ns,
                  const std::string& more = "") {
  return "click,ad_id=" + ad + more + " event_id=\"" + id + "\"" + At(time_ns);
}

std::string Conversion(const std::string& click, const std::string& id, int64_t time_ns,
                       const std::string& more = "") {
  return "conversion click_id=\"" + click + "\",revenue=1.5" +
         (id.empty() ? "" : ",event_id=\"" + id + "\"") + more + At(time_ns);
}

class ConversionJoinTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.data_dir = directory_.path();
    options_.clock = &clock_;
    options_.memory_bytes = 64 << 20;
    options_.free_space_floor_bytes = 0;
    options_.conversions_expired = [this](std::span<const RawEvent> events) {
      ++offered_;
      if (can_keep_) expired_.insert(expired_.end(), events.begin(), events.end());
      return can_keep_.load();
    };
    engine_ = MustOpen(options_);
  }
  void Reopen() {
    engine_.reset();
    engine_ = MustOpen(options_);
    ASSERT_TRUE(engine_);
  }
  AppendOutcome Send(const std::string& lines) {
    AppendOutcome outcome = AppendLines(engine_.get(), lines);
    EXPECT_TRUE(outcome.status.ok()) << outcome.status.message();
    return outcome;
  }
  int64_t Conversions(const std::string& ad, int64_t from_ns = 0, int64_t to_ns = kEver) {
    Result<MetricSums> sums = engine_->Totals(ad, 0, {MinuteOf(from_ns), MinuteOf(to_ns - 1) + 1});
    EXPECT_TRUE(sums.ok()) << sums.status().message();
    return sums.ok() ? static_cast<int64_t>((*sums)[Metric::kConversions]) : -1;
  }
  uint64_t Waiting() { return engine_->Stats().waiting_conversions; }
  RawEvent OnlyConversion(const std::string& ad) {
    Result<EventPage> page = engine_->Events(ad, 0, kEver, 100, "");
    EXPECT_TRUE(page.ok());
    for (RawEvent& event : page->events) {
      if (event.kind == EventKind::kConversion) return std::move(event);
    }
    ADD_FAILURE() << "no conversion of " << ad;
    return {};
  }

  TempDirectory directory_;
  ManualClock clock_{kStart + 200 * kNsPerDay};
  EngineOptions options_;
  std::vector<RawEvent> expired_;
  std::atomic<bool> can_keep_ = true;
  std::atomic<int> offered_ = 0;
  std::unique_ptr<Engine> engine_;
};

TEST_F(ConversionJoinTest, CountsUnderTheClicksAdAtItsOwnTime) {
  Send(Click("a", "c1", kStart));
  EXPECT_EQ(Send(Conversion("c1", "v1", kStart + kNsPerDay)).accepted, 1U);
  EXPECT_EQ(Conversions("a", kStart + kNsPerDay, kStart + kNsPerDay + 1), 1);
  EXPECT_EQ(Conversions("a", kStart, kStart + kNsPerHour), 0);
  EXPECT_EQ(Waiting(), 0U);
}

TEST_F(ConversionJoinTest, InheritsWhatItDoesNotCarryItself) {
  Send(Click("a", "c1", kStart, ",country=DE,campaign_id=7,os=x,zone=z"));
  Send("conversion,country=US,zone=own click_id=\"c1\",event_id=\"v1\",shop=\"s\"" + At(kStart + 1));
  for (int round = 0; round < 3; ++round) {
    RawEvent event = OnlyConversion("a");
    using Attributes = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(event.attributes, (Attributes{{"ad_id", "a"},
                                            {"event_id", "v1"},
                                            {"country", "US"},
                                            {"campaign_id", "7"},
                                            {"click_id", "c1"},
                                            {"os", "x"},
                                            {"shop", "s"},
                                            {"zone", "own"}}));
    EXPECT_EQ(event.inherited, (std::vector<std::string>{"ad_id", "campaign_id", "os"}));
    EXPECT_FALSE(event.revenue_micros.has_value());
    if (round == 0) Reopen();
    if (round == 1) {
      ASSERT_TRUE(engine_->CompactAll(true).ok());
    }
  }
}

TEST_F(ConversionJoinTest, AClickThatIsNotDurableYetIsFound) {
  EXPECT_EQ(Send(Click("a", "c1", kStart) + Click("a", "c1", kStart) + Conversion("c1", "v1", kStart) +
                 Click("b", "c2", kStart) + Conversion("c2", "", kStart))
                .accepted,
            4U);
  std::vector<std::future<AppendOutcome>> sent;
  for (int i = 0; i < 200; ++i) {
    const std::string id = "n" + std::to_string(i);
    sent.push_back(StartAppend(engine_.get(), ParseLines(Click("a", id, kStart))));
    sent.push_back(StartAppend(engine_.get(), ParseLines(Conversion(id, "v" + id, kStart))));
  }
  for (auto& s : sent) EXPECT_EQ(s.get().accepted, 1U);
  EXPECT_EQ(Conversions("a"), 201);
  EXPECT_EQ(Conversions("b"), 1);
  EXPECT_EQ(Waiting(), 0U);
}

TEST_F(ConversionJoinTest, WaitsAcrossRestartsAndCountsOnceWhenTheClickComes) {
  for (const char* id : {"v1", ""}) {
    const std::string click = std::string("c") + id;
    const std::string conversion = Conversion(click, id, kStart + 5, ",os=\"x\"");
    EXPECT_EQ(Send(conversion + conversion).duplicates, 1U);
    EXPECT_EQ(Waiting(), 1U);
    Reopen();
    EXPECT_EQ(Waiting(), 1U);
    EXPECT_EQ(Send(conversion).duplicates, 1U) << "a resend of one that waits";
    EXPECT_EQ(Send(Click("a", click, kStart, ",country=DE")).accepted, 1U);
    EXPECT_EQ(Waiting(), 0U);
    EXPECT_EQ(Send(conversion).duplicates, 1U) << "a resend of one that was joined";
    Reopen();
    EXPECT_EQ(Send(conversion).duplicates, 1U);
    ASSERT_TRUE(engine_->CompactAll(true).ok());
    EXPECT_EQ(Send(conversion + Click("a", click, kStart, ",country=DE")).duplicates, 2U);
  }
  EXPECT_EQ(Conversions("a"), 2);
  EXPECT_EQ(engine_->Stats().conflicts, 0U);
}

TEST_F(ConversionJoinTest, AClickInTheSameChunkEndsTheWait) {
  EXPECT_EQ(Send(Conversion("c", "v1", kStart) + Conversion("c", "v2", kStart) +
                 Conversion("c", "v1", kStart) + Click("a", "c", kStart) + Conversion("c", "v2", kStart))
                .accepted,
            3U);
  EXPECT_EQ(Conversions("a"), 2) << "several conversions of a click";
  Reopen();
  EXPECT_EQ(Conversions("a"), 2);
  EXPECT_EQ(Waiting(), 0U);
}

TEST_F(ConversionJoinTest, OneIdentityCountsOnceWhetherItHasAnAdOrWaits) {
  const std::string with_ad = "conversion,ad_id=b event_id=\"v\",click_id=\"c\"" + At(kStart);
  Send(Conversion("c", "v", kStart));
  EXPECT_EQ(Send(with_ad).duplicates, 1U);
  Send(Click("a", "c", kStart));
  EXPECT_EQ(Send(with_ad).duplicates, 1U);
  EXPECT_EQ(Conversions("a"), 1);
  EXPECT_EQ(Conversions("b"), 0);
  EXPECT_EQ(Send("conversion,ad_id=b event_id=\"w\",click_id=\"c\"" + At(kStart)).accepted, 1U);
  EXPECT_EQ(Send(Conversion("c", "w", kStart)).duplicates, 1U);
  EXPECT_EQ(Conversions("b"), 1) << "with its own ad it counts under what it carries";
}

TEST_F(ConversionJoinTest, TheWindowIsHeldToTheNanosecond) {
  const int64_t window = 90 * kNsPerDay;
  const int64_t click = kStart + 100 * kNsPerDay + 1234;
  auto try_all = [&](const std::string& id) {
    Send(Conversion(id, id + "0", click - window - 1) + Conversion(id, id + "1", click - window) +
         Conversion(id, id + "2", click + window) + Conversion(id, id + "3", click + window + 1));
  };
  try_all("early");
  EXPECT_EQ(Waiting(), 4U);
  Send(Click("a", "early", click) + Click("b", "late", click));
  EXPECT_EQ(Waiting(), 2U);
  try_all("late");
  EXPECT_EQ(Waiting(), 4U);
  EXPECT_EQ(Conversions("a"), 2);
  EXPECT_EQ(Conversions("b"), 2);
  Reopen();
  for (const char* id : {"early", "late"}) Send(Conversion(id, std::string(id) + "4", click + window));
  EXPECT_EQ(Conversions("a"), 3);
  EXPECT_EQ(Conversions("b"), 3);
}

TEST_F(ConversionJoinTest, OfSeveralClicksTheEarliestIsTaken) {
  Send(Click("late", "c", kStart + 10 * kNsPerDay) + Click("early", "c", kStart) +
       Click("later", "c", kStart + 20 * kNsPerDay));
  for (int round = 0; round < 3; ++round) {
    Send(Conversion("c", "v" + std::to_string(round), kStart + 30 * kNsPerDay));
    EXPECT_EQ(Conversions("early"), round + 1);
    if (round == 0) {
      ASSERT_TRUE(engine_->CompactAll(true).ok());
    }
    if (round == 1) Reopen();
  }
  Send(Conversion("c", "w", kStart + 95 * kNsPerDay));
  EXPECT_EQ(Conversions("late"), 1) << "the earliest within the window";
}

TEST_F(ConversionJoinTest, WhatWaitsTooLongExpiresAndIsHandedOver) {
  options_.conversion_wait_ms = 10 * kMsPerDay;
  Reopen();
  Send(Conversion("c1", "v1", kStart, ",os=\"x\""));
  clock_.Set(clock_.NowNs() + 6 * kNsPerDay);
  Send(Conversion("c2", "v2", kStart));
  Reopen();
  clock_.Set(clock_.NowNs() + 4 * kNsPerDay);
  for (int i = 0; i < 600 && Waiting() > 1; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(Waiting(), 1U);
  Reopen();
  EXPECT_EQ(Waiting(), 1U);
  ASSERT_EQ(expired_.size(), 1U);
  EXPECT_EQ(expired_[0].attributes.front(), (std::pair<std::string, std::string>("event_id", "v1")));
  EXPECT_EQ(expired_[0].revenue_micros, 1'500'000);
  Send(Click("a", "c1", kStart) + Click("a", "c2", kStart));
  EXPECT_EQ(Conversions("a"), 1);
}

TEST_F(ConversionJoinTest, WhatExpiresWaitsOnUntilItIsKeptElsewhere) {
  options_.conversion_wait_ms = 10 * kMsPerDay;
  can_keep_ = false;
  Reopen();
  Send(Conversion("c1", "v1", kStart));
  clock_.Set(clock_.NowNs() + 11 * kNsPerDay);
  for (int i = 0; i < 600 && offered_ < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_GE(offered_, 2) << "it comes again";
  EXPECT_EQ(Waiting(), 1U);
  Reopen();
  EXPECT_EQ(Waiting(), 1U);
  can_keep_ = true;
  for (int i = 0; i < 600 && Waiting() > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(Waiting(), 0U);
  Reopen();
  EXPECT_EQ(Waiting(), 0U);
  EXPECT_EQ(expired_.size(), 1U);
}

TEST_F(ConversionJoinTest, AnImpressionOfThatIdIsNoClick) {
  Send("impression,ad_id=a event_id=\"c\"" + At(kStart) + Conversion("c", "v", kStart));
  EXPECT_EQ(Waiting(), 1U);
  Send(Click("b", "c", kStart));
  EXPECT_EQ(Conversions("b"), 1);
}

}  // namespace
}  // namespace tallymark
