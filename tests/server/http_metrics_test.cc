#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tests/server/test_server.h"

namespace tallymark {
namespace {

constexpr int64_t kMs = 1609459200000;  // 2021-01-01T00:00:00Z
constexpr int64_t kHourMs = 3'600'000;

std::string Event(const std::string& kind, const std::string& id, int64_t ms, const std::string& more) {
  return kind + ",ad_id=ad1 event_id=\"" + id + "\"" + more + " " + std::to_string(ms) + "000000\n";
}

class HttpMetricsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    ASSERT_EQ(SendAndSync(Event("impression", "1", kMs, R"(,user_id="u1",ip="1.1.1.1")") +
                          Event("impression", "2", kMs, R"(,user_id="u2",ip="1.1.1.1")") +
                          Event("impression", "3", kMs, R"(,user_id="u3",ip="2001:DB8::1")") +
                          Event("impression", "4", kMs, R"(,user_id="u3",ip="2001:db8:0::1")") +
                          Event("click", "1", kMs + 5, R"(,user_id="u1")") +
                          Event("conversion", "1", kMs + 9, R"(,user_id="u9",revenue=12.34)") +
                          Event("click", "2", kMs + kHourMs, R"(,user_id="u1")")),
              "synced t accepted=7 duplicates=0 rejected=0");
  }
};

TEST_F(HttpMetricsTest, APointHasEverythingCounted) {
  TestAnswer answer = Get("/v1/ads/ad1/metrics?from=1609459200001&to=1609462800001");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(
      answer.body,
      R"({"ad_id":"ad1","from":1609459200000,"to":1609466400000,"step_ms":3600000,"points":[)"
      R"({"t":1609459200000,"impressions":4,"clicks":1,"conversions":1,"revenue":"12.340000","ctr":0.25,)"
      R"("unique_users":4,"unique_users_exact":true,"unique_ips":2,"unique_ips_exact":true},)"
      R"({"t":1609462800000,"impressions":0,"clicks":1,"conversions":0,"revenue":"0.000000","ctr":null,)"
      R"("unique_users":1,"unique_users_exact":true,"unique_ips":0,"unique_ips_exact":true}],"watermark":)" +
          std::to_string(kMs + kHourMs - 120'000) + "}");
}

TEST_F(HttpMetricsTest, ALongerStepMergesSets) {
  boost::json::value json = Get("/v1/ads/ad1/metrics?from=1609459200000&to=1609466400000&step=24h").Json();
  ASSERT_EQ(json.at("points").as_array().size(), 1U);
  const boost::json::value& day = json.at("points").at(0);
  EXPECT_EQ(day.at("clicks").as_int64(), 2);
  EXPECT_EQ(day.at("unique_users").as_int64(), 4) << "u1 came in both hours";
  EXPECT_EQ(json.at("to").as_int64(), kMs + 24 * kHourMs);
  EXPECT_FALSE(json.as_object().contains("unique_note"));
}

TEST_F(HttpMetricsTest, AFinerStepSaysThatPeopleAreKeptByTheHour) {
  boost::json::value json = Get("/v1/ads/ad1/metrics?from=1609459200000&to=1609459320000&step=1m").Json();
  ASSERT_EQ(json.at("points").as_array().size(), 2U);
  const boost::json::value& minute = json.at("points").at(0);
  EXPECT_EQ(minute.at("impressions").as_int64(), 4);
  EXPECT_TRUE(minute.at("unique_users").is_null());
  EXPECT_TRUE(minute.at("unique_ips_exact").is_null());
  EXPECT_NE(json.at("unique_note").as_string().find("whole hours"), std::string_view::npos);
}

TEST_F(HttpMetricsTest, AnAdNeverSeenHasZeros) {
  boost::json::value json = Get("/v1/ads/other/metrics?from=1609459200000&to=1609462800000").Json();
  const boost::json::value& point = json.at("points").at(0);
  EXPECT_EQ(point.at("impressions").as_int64(), 0);
  EXPECT_EQ(point.at("unique_users").as_int64(), 0);
  EXPECT_TRUE(point.at("ctr").is_null());
}

TEST_F(HttpMetricsTest, ManyPeopleAreAnEstimateThatSaysSo) {
  std::string lines;
  for (int i = 0; i < 5'000; ++i) {
    lines += Event("click", "m" + std::to_string(i), kMs + 2 * kHourMs,
                   ",user_id=\"m" + std::to_string(i) + "\",ip=\"10.0.0." + std::to_string(i % 100) + "\"");
  }
  ASSERT_EQ(SendAndSync(lines), "synced t accepted=5000 duplicates=0 rejected=0");
  boost::json::value json = Get("/v1/ads/ad1/metrics?from=1609466400000&to=1609470000000").Json();
  const boost::json::value& point = json.at("points").at(0);
  EXPECT_FALSE(point.at("unique_users_exact").as_bool());
  EXPECT_NEAR(static_cast<double>(point.at("unique_users").as_int64()), 5'000, 5'000 * 0.05);
  EXPECT_TRUE(point.at("unique_ips_exact").as_bool());
  EXPECT_EQ(point.at("unique_ips").as_int64(), 100);
}

TEST_F(HttpMetricsTest, BadQuestionsAreRefused) {
  for (const char* query : {"", "?from=2&to=1", "?from=1&step=30s", "?from=1&step=31d", "?from=1&filter=0",
                            "?from=1609459200000&to=now&step=1m"}) {
    EXPECT_EQ(Get("/v1/ads/ad1/metrics" + std::string(query)).status, 400) << query;
  }
  EXPECT_EQ(Request("POST", "/v1/ads/ad1/metrics?from=1").status, 405);
}

TEST_F(HttpMetricsTest, OffAnswersNullAndOnAgainCountsFromRaw) {
  StopServer();
  options_.engine.distinct = false;
  StartServer();
  const std::string query = "/v1/ads/ad1/metrics?from=1609459200000&to=1609466400000";
  boost::json::value off = Get(query).Json();
  EXPECT_TRUE(off.at("points").at(0).at("unique_users").is_null());
  EXPECT_EQ(off.at("points").at(0).at("impressions").as_int64(), 4);
  EXPECT_NE(off.at("unique_note").as_string().find("--distinct off"), std::string_view::npos);
  EXPECT_TRUE(off.at("unique_complete_from").is_null());
  StopServer();
  options_.engine.distinct = true;
  StartServer();
  boost::json::value on = Get(query).Json();
  for (int i = 0; i < 600 && on.as_object().contains("unique_note"); ++i) {
    EXPECT_TRUE(on.at("points").at(0).at("unique_users").is_null());
    EXPECT_EQ(on.at("unique_complete_from").as_int64(), kMs + 2 * kHourMs);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    on = Get(query).Json();
  }
  EXPECT_EQ(on.at("points").at(0).at("unique_users").as_int64(), 4);
}

// The greatest amount there is: 2^63 - 1 millionths.
constexpr const char* kMost = "9223372036854.775807";

std::string Sale(const std::string& id, const std::string& revenue, int64_t ms = kMs) {
  return Event("conversion", id, ms, ",revenue=" + revenue);
}

class HttpMoneyTest : public ServerTest {
 protected:
  std::string Revenue(const std::string& range) {
    boost::json::value json = Get("/v1/ads/ad1/aggregated_cnt?metric=revenue&" + range).Json();
    return std::string(json.at("count").as_string());
  }
  static constexpr const char* kFirstHour = "from=1609459200000&to=1609462800000";
  static constexpr const char* kTwoHours = "from=1609459200000&to=1609466400000";
};

TEST_F(HttpMoneyTest, MillionthsAreKeptToTheLast) {
  std::string lines = Sale("most", kMost);
  for (int i = 0; i < 1'000; ++i) lines += Sale("s" + std::to_string(i), "0.1", kMs + kHourMs);
  for (int i = 0; i < 1'000; ++i) lines += Sale("t" + std::to_string(i), "0.000001", kMs + kHourMs);
  ASSERT_EQ(SendAndSync(lines), "synced t accepted=2001 duplicates=0 rejected=0");
  EXPECT_EQ(Revenue(kFirstHour), kMost);
  EXPECT_EQ(Revenue("from=1609462800000&to=1609466400000"), "100.001000");
  EXPECT_NE(
      Get("/v1/ads/ad1/metrics?" + std::string(kFirstHour)).body.find("\"revenue\":\"9223372036854.775807\""),
      std::string::npos);
}

TEST_F(HttpMoneyTest, ASumThatOverflowsIsAnErrorAndNeverANumber) {
  ASSERT_EQ(SendAndSync(Sale("a", kMost) + Sale("b", "0.000001", kMs + kHourMs)),
            "synced t accepted=2 duplicates=0 rejected=0");
  auto check = [&](const char* stage) {
    SCOPED_TRACE(stage);
    EXPECT_EQ(Revenue(kFirstHour), kMost);
    const std::string range(kTwoHours);
    for (const std::string& target :
         {"/v1/ads/ad1/aggregated_cnt?metric=revenue&" + range,
          "/v1/ads/ad1/series?metrics=revenue&step=2h&" + range, "/v1/ads/ad1/metrics?step=2h&" + range,
          std::string("/v1/ads/popular_ads?metric=revenue&window=120&to=1609466400000")}) {
      TestAnswer answer = Get(target);
      EXPECT_EQ(answer.status, 422) << target << answer.body;
      EXPECT_NE(answer.body.find("does not fit 64 bits"), std::string::npos) << answer.body;
    }
    EXPECT_EQ(Get("/v1/ads/ad1/metrics?step=1h&" + range).status, 200) << "each hour fits";
  };
  check("live");
  ASSERT_TRUE(server_->engine().Checkpoint().ok());
  check("checkpoint");
  ASSERT_TRUE(server_->engine().CompactAll(true).ok());
  check("compacted");
  StopServer();
  StartServer();
  check("restarted");
}

TEST_F(HttpMoneyTest, WithinOneMinuteToo) {
  ASSERT_EQ(SendAndSync(Sale("a", kMost) + Sale("b", kMost)), "synced t accepted=2 duplicates=0 rejected=0");
  EXPECT_EQ(Get("/v1/ads/ad1/aggregated_cnt?metric=revenue&from=1609459200000&to=1609459260000").status, 422);
  ASSERT_TRUE(server_->engine().Checkpoint().ok());
  EXPECT_EQ(Get("/v1/ads/ad1/aggregated_cnt?metric=revenue&from=1609459200000&to=1609459260000").status, 422);
  EXPECT_EQ(Get("/v1/ads/popular_ads?metric=revenue&window=1&to=1609459260000").status, 422);
  // A refund brings the sum back into range: nothing was lost on the way.
  ASSERT_EQ(SendAndSync(Sale("c", "-" + std::string(kMost))), "synced t accepted=1 duplicates=0 rejected=0");
  EXPECT_EQ(Revenue("from=1609459200000&to=1609459260000"), kMost);
  ASSERT_TRUE(server_->engine().Checkpoint().ok());
  EXPECT_EQ(Revenue("from=1609459200000&to=1609459260000"), kMost);
  // A top list holds 64 bits: it says that it does not know, and gives no wrong number.
  EXPECT_EQ(Get("/v1/ads/popular_ads?metric=revenue&window=1&to=1609459260000").status, 422);
}

TEST_F(HttpMoneyTest, WhatIsNoAmountIsRejected) {
  EXPECT_EQ(SendAndSync(Sale("a", "0.0000001")), "synced t accepted=0 duplicates=0 rejected=1");
  EXPECT_EQ(SendAndSync(Sale("b", "9223372036854.775808")), "synced t accepted=0 duplicates=0 rejected=1");
  EXPECT_EQ(SendAndSync(Sale("c", "NaN")), "synced t accepted=0 duplicates=0 rejected=1");
  EXPECT_EQ(SendAndSync(Sale("d", "1e300")), "synced t accepted=0 duplicates=0 rejected=1");
  EXPECT_EQ(SendAndSync(Sale("e", "-9223372036854.775808")), "synced t accepted=1 duplicates=0 rejected=0");
  EXPECT_EQ(Revenue(kFirstHour), "-9223372036854.775808");
}

}  // namespace
}  // namespace tallymark
