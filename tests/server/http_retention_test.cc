#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "format/time_units.h"
#include "tests/server/test_server.h"

namespace tallymark {
namespace {

constexpr int64_t kMs = 1609459200000;  // 2021-01-01T00:00:00Z

class HttpRetentionTest : public ServerTest {
 protected:
  struct SetClock final : Clock {
    int64_t NowNs() const override { return now_ns.load(); }
    std::atomic<int64_t> now_ns{(kMs + 30 * kMsPerMinute) * kNsPerMs};
  };

  void Configure(ServerOptions* options) override {
    options->engine.clock = &clock_;
    options->engine.dedup_window_ms = kMsPerHour;
    options->engine.retain_raw_ms = 6 * kMsPerHour;
    options->engine.retain_minutes_ms = 12 * kMsPerHour;
    options->engine.retain_hours_ms = 48 * kMsPerHour;
  }
  // The clock goes on, what is due expires, and RocksDB compacts everything.
  void AdvanceHours(int64_t hours) {
    clock_.now_ns += hours * kNsPerHour;
    ASSERT_TRUE(server_->engine().CompactAll(true).ok());
  }
  std::string RejectedFor(const std::string& reason) {
    const std::string page = Get("/metrics").body;
    const std::string sample = "\ntallymark_ingest_rejected_total{reason=\"" + reason + "\"} ";
    const size_t at = page.find(sample);
    if (at == std::string::npos) return "";
    return page.substr(at + sample.size(), page.find('\n', at + 1) - at - sample.size());
  }

  SetClock clock_;
  const std::string hours_ = "from=1609459200000&to=1609466400000";
  const std::string minutes_ = "from=1609459260000&to=1609459320000";
};

TEST_F(HttpRetentionTest, HoursOutliveMinutesAndMinutesOutliveRaw) {
  SendAndSync(Click("a", "1", kMs + 1000) + Click("a", "2", kMs + 61'000) + Click("b", "3", kMs + 61'000));
  const std::string count = "/v1/ads/a/aggregated_cnt?";
  EXPECT_EQ(Get(count + hours_).Json().at("count").as_int64(), 2);
  EXPECT_EQ(Get(count + minutes_).Json().at("count").as_int64(), 1);
  AdvanceHours(9);
  EXPECT_EQ(Get("/v1/ads/a/events?" + hours_).status, 422);
  EXPECT_EQ(Get("/v1/ads/a/sessions?" + hours_).status, 422);
  EXPECT_EQ(Get(count + minutes_).Json().at("count").as_int64(), 1);
  AdvanceHours(9);
  TestAnswer gone = Get(count + minutes_);
  EXPECT_EQ(gone.status, 422);
  EXPECT_EQ(gone.Json().at("finest_step").as_string(), "1h");
  EXPECT_EQ(Get("/v1/ads/a/series?step=1m&" + hours_).Json().at("finest_step").as_string(), "1h");
  EXPECT_EQ(Get("/v1/ads/popular_ads?window=1&to=1609459320000").Json().at("finest_step").as_string(), "1h");
  // Minutes of 07:00 are there, those of 01:01 are not; the first point's window begins before.
  const std::string kept = "/v1/ads/a/series?step=1m&from=1609484400000&to=1609488000000";
  EXPECT_EQ(Get(kept).status, 200);
  EXPECT_EQ(Get(kept + "&window=360m").Json().at("finest_step").as_string(), "1h");
  EXPECT_EQ(Get(count + hours_).Json().at("count").as_int64(), 2);
  EXPECT_EQ(Get("/v1/ads/a/series?step=1h&" + hours_).Json().at("points").as_array().size(), 2U);
  AdvanceHours(48);
  gone = Get(count + hours_);
  EXPECT_EQ(gone.status, 422) << "never a false 0";
  EXPECT_TRUE(gone.Json().at("finest_step").is_null());
}

TEST_F(HttpRetentionTest, WhatLiesOutsideTheTimesTakenIsRejectedByReason) {
  const int64_t now_ms = kMs + 30 * kMsPerMinute;
  EXPECT_EQ(
      SendAndSync(Click("a", "1", now_ms - 6 * kMsPerHour - 1) + Click("a", "2", now_ms - 6 * kMsPerHour) +
                  Click("a", "3", now_ms + 10 * kMsPerMinute) +
                  Click("a", "4", now_ms + 10 * kMsPerMinute + 1)),
      "synced t accepted=2 duplicates=0 rejected=2");
  EXPECT_EQ(RejectedFor("too_old"), "1");
  EXPECT_EQ(RejectedFor("in_future"), "1");
  EXPECT_EQ(Get("/v1/status").Json().at("watermark").as_int64(), now_ms - 2 * kMsPerMinute)
      << "never above the clock";
}

}  // namespace
}  // namespace tallymark
