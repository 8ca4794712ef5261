#include <gtest/gtest.h>

#include <string>

#include "tests/server/test_server.h"

namespace tallymark {
namespace {

constexpr int64_t kMs = 1609459200000;  // 2021-01-01T00:00:00Z

class HttpQueryTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    std::string lines;
    for (int i = 0; i < 5; ++i) lines += Click("ad1", std::to_string(i), kMs + i * 60'000);
    lines += Click("ad2", "x", kMs) + Click("ad0", "y", kMs);
    lines += "impression,ad_id=ad1 event_id=\"i\" 1609459200000000001\n";
    lines += "conversion,ad_id=ad1 event_id=\"v\",revenue=12.34 1609459200000000000\n";
    ASSERT_EQ(SendAndSync(lines), "synced t accepted=9 duplicates=0 rejected=0");
  }

  void ExpectProblem(const std::string& target, int status, const std::string& detail) {
    TestAnswer answer = Get(target);
    EXPECT_EQ(answer.status, status) << target;
    EXPECT_EQ(answer.Header("content-type"), "application/problem+json") << target;
    boost::json::value json = answer.Json();
    EXPECT_EQ(json.at("status").as_int64(), status);
    EXPECT_FALSE(json.at("title").as_string().empty());
    EXPECT_NE(std::string(json.at("detail").as_string()).find(detail), std::string::npos) << answer.body;
  }
};

TEST_F(HttpQueryTest, ACountHasTheRangeItCovers) {
  TestAnswer answer = Get("/v1/ads/ad1/aggregated_cnt?from=1609459200001&to=2021-01-01T00:02:30Z");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Header("content-type"), "application/json");
  int64_t watermark = kMs + 4 * 60'000 - 120'000;
  EXPECT_EQ(answer.body,
            R"({"ad_id":"ad1","count":3,"from":1609459200000,"to":1609459380000,"filter":0,"watermark":)" +
                std::to_string(watermark) + "}");
}

TEST_F(HttpQueryTest, TheAliasAnswersTheSame) {
  std::string query = "?from=1609459200000&to=1609459260000&filter=000";
  EXPECT_EQ(Get("/v1/ads/ad1/aggregated_count" + query).body, Get("/v1/ads/ad1/aggregated_cnt" + query).body);
}

TEST_F(HttpQueryTest, EveryMetricCanBeAskedFor) {
  std::string query = "/v1/ads/ad1/aggregated_cnt?from=1609459200000&to=1609459500000&metric=";
  EXPECT_EQ(Get(query + "impressions").Json().at("count").as_int64(), 1);
  EXPECT_EQ(Get(query + "clicks").Json().at("count").as_int64(), 5);
  EXPECT_EQ(Get(query + "conversions").Json().at("count").as_int64(), 1);
  EXPECT_EQ(Get(query + "revenue").Json().at("count").as_string(), "12.340000");
}

TEST_F(HttpQueryTest, AnAdNeverSeenCountsZero) {
  boost::json::value json = Get("/v1/ads/never%20%22seen%22/aggregated_cnt?from=1609459200000").Json();
  EXPECT_EQ(json.at("count").as_int64(), 0);
  EXPECT_EQ(json.at("ad_id").as_string(), "never \"seen\"");
}

TEST_F(HttpQueryTest, PopularAdsAreInOrderTiesByName) {
  boost::json::value json = Get("/v1/ads/popular_ads?window=5&to=1609459500000").Json();
  EXPECT_EQ(json.at("ad_ids"), boost::json::parse(R"(["ad1","ad0","ad2"])"));
  EXPECT_EQ(json.at("counts"), boost::json::parse("[5,1,1]"));
  EXPECT_EQ(json.at("from").as_int64(), kMs);
  EXPECT_EQ(json.at("to").as_int64(), kMs + 300'000);
  EXPECT_EQ(json.at("filter").as_int64(), 0);
}

TEST_F(HttpQueryTest, PopularAdsLeaveOutZerosAndStopAtTheCount) {
  boost::json::value json = Get("/v1/ads/popular_ads?window=1&to=1609459320000&count=1").Json();
  EXPECT_EQ(json.at("ad_ids"), boost::json::parse(R"(["ad1"])"));
  json = Get("/v1/ads/popular_ads?window=1&to=1609459260000&metric=revenue").Json();
  EXPECT_EQ(json.at("counts"), boost::json::parse(R"(["12.340000"])"));
  EXPECT_EQ(Get("/v1/ads/popular_ads").Json().at("ad_ids").as_array().size(), 0U);
}

TEST_F(HttpQueryTest, ASeriesListsEveryStep) {
  boost::json::value json =
      Get("/v1/ads/ad1/series?from=1609459140000&to=1609459320000&metrics=clicks,revenue").Json();
  EXPECT_EQ(json.at("step_ms").as_int64(), 60'000);
  EXPECT_EQ(json.at("points"), boost::json::parse(R"([{"t":1609459140000,"clicks":0,"revenue":"0.000000"},
      {"t":1609459200000,"clicks":1,"revenue":"12.340000"},{"t":1609459260000,"clicks":1,"revenue":"0.000000"}])"));
}

TEST_F(HttpQueryTest, AHoppingSeriesLooksBackOverItsWindow) {
  boost::json::value json =
      Get("/v1/ads/ad1/series?from=1609459200000&to=1609459320000&step=1m&window=3m").Json();
  EXPECT_EQ(json.at("window_ms").as_int64(), 180'000);
  EXPECT_EQ(json.at("points"),
            boost::json::parse(R"([{"t":1609459200000,"clicks":1},{"t":1609459260000,"clicks":2}])"));
}

TEST_F(HttpQueryTest, EventsComeInPages) {
  std::string cursor;
  std::vector<std::string> times;
  for (int page = 0; page < 10; ++page) {
    boost::json::value json =
        Get("/v1/ads/ad1/events?from=1609459200000&to=1609459500000&limit=3" + cursor).Json();
    for (const auto& event : json.at("events").as_array()) times.emplace_back(event.at("time").as_string());
    if (json.at("cursor").is_null()) break;
    cursor = "&cursor=" + std::string(json.at("cursor").as_string());
  }
  EXPECT_EQ(times,
            (std::vector<std::string>{"1609459200000000000", "1609459200000000000", "1609459200000000001",
                                      "1609459260000000000", "1609459320000000000", "1609459380000000000",
                                      "1609459440000000000"}));
}

TEST_F(HttpQueryTest, AnEventHasItsKindTimeAndAttributes) {
  boost::json::value json = Get("/v1/ads/ad1/events?from=1609459200000&to=1609459200001&limit=10").Json();
  bool found = false;
  for (const auto& event : json.at("events").as_array()) {
    if (event.at("kind").as_string() != "conversion") continue;
    found = true;
    EXPECT_EQ(event.at("revenue").as_string(), "12.340000");
    EXPECT_EQ(event.at("attributes"), boost::json::parse(R"({"ad_id":"ad1","event_id":"v"})"));
  }
  EXPECT_TRUE(found);
}

TEST_F(HttpQueryTest, SessionsComeWholeInPages) {
  std::string lines;
  auto click = [&](const std::string& id, const std::string& user, int64_t second) {
    lines += "click,ad_id=s,user_id=" + user + " event_id=\"" + id + "\" " +
             std::to_string(kMs * 1'000'000 + second * 1'000'000'000 + 999'999) + "\n";
  };
  click("a1", "u1", 0);
  click("b1", "u2", 60);
  click("a2", "u1", 1800);
  click("a3", "u1", 3601);
  SendAndSync(lines);
  const std::string target = "/v1/ads/s/sessions?from=1609459200000&to=1609470000000";
  TestAnswer whole = Get(target);
  EXPECT_EQ(whole.status, 200) << whole.body;
  EXPECT_EQ(whole.body.substr(0, whole.body.find(",\"watermark\"")),
            R"({"ad_id":"s","sessions":[{"key":"u1","start":1609459200000,"end":1609461000000,"clicks":2},)"
            R"({"key":"u2","start":1609459260000,"end":1609459260000,"clicks":1},)"
            R"({"key":"u1","start":1609462801000,"end":1609462801000,"clicks":1}],"cursor":null,)"
            R"("from":1609459200000,"to":1609470000000,"gap_ms":1800000,"by":"user_id")");
  boost::json::array paged;
  for (std::string cursor;;) {
    std::string page = target;
    page.append("&limit=1").append(cursor);
    boost::json::value json = Get(page).Json();
    for (const auto& session : json.at("sessions").as_array()) paged.push_back(session);
    if (json.at("cursor").is_null()) break;
    cursor = "&cursor=" + std::string(json.at("cursor").as_string());
  }
  EXPECT_EQ(paged, whole.Json().at("sessions").as_array());
  EXPECT_EQ(Get(target + "&gap=30s&by=ad_id").Json().at("sessions").as_array().size(), 4U);
  EXPECT_EQ(Get("/v1/ads/never/sessions?from=now-1h").Json().at("sessions").as_array().size(), 0U);
}

TEST_F(HttpQueryTest, ErrorsSayWhatToDo) {
  ExpectProblem("/v1/ads/ad1/aggregated_cnt", 400, "from");
  ExpectProblem("/v1/ads/ad1/aggregated_cnt?from=x", 400, "from");
  ExpectProblem("/v1/ads/ad1/aggregated_cnt?from=2&to=1", 400, "from must be before to");
  ExpectProblem("/v1/ads/ad1/aggregated_cnt?from=1&frm=1", 400, "'frm'");
  ExpectProblem("/v1/ads/ad1/aggregated_cnt?from=1&to=2&to=2", 400, "twice");
  ExpectProblem("/v1/ads//aggregated_cnt?from=1", 400, "ad_id");
  ExpectProblem("/v1/ads/" + std::string(129, 'a') + "/aggregated_cnt?from=1", 400, "ad_id");
  ExpectProblem("/v1/ads/ad1/series?from=0", 400, "step=");
  ExpectProblem("/v1/ads/popular_ads?count=0", 400, "count");
  ExpectProblem("/v1/ads/ad1/events?from=1&limit=x", 400, "limit");
  ExpectProblem("/v1/ads/ad1/sessions", 400, "from");
  ExpectProblem("/v1/ads/ad1/sessions?from=1&gap=x", 400, "gap");
  ExpectProblem("/v1/ads/ad1/sessions?from=1&gap=8d", 400, "gap");
  ExpectProblem("/v1/ads/ad1/sessions?from=1&by=", 400, "by");
  ExpectProblem("/v1/ads/ad1/sessions?from=1&limit=0", 400, "limit");
  ExpectProblem("/v1/ads/ad1/sessions?from=1&cursor=zz", 400, "cursor");
  ExpectProblem("/v1/ads/%zz/series?from=1", 400, "%");
  ExpectProblem("/v1/status?x=1", 400, "'x'");
}

TEST_F(HttpQueryTest, AnUnknownFilterOrPathIsNotFound) {
  ExpectProblem("/v1/ads/ad1/aggregated_cnt?from=1&filter=12", 404, "");
  ExpectProblem("/v1/ads/popular_ads?filter=12", 404, "");
  ExpectProblem("/v1/ads/ad1/series?from=now-1h&filter=12", 404, "");
  ExpectProblem("/v1/nothing", 404, "openapi");
}

TEST_F(HttpQueryTest, TheStatusHasTheFigures) {
  boost::json::value json = Get("/v1/status").Json();
  EXPECT_EQ(json.at("events").at("accepted").as_int64(), 9);
  EXPECT_EQ(json.at("events").at("rejected").as_int64(), 0);
  EXPECT_EQ(json.at("ads").as_int64(), 3);
  EXPECT_EQ(json.at("waiting_conversions").as_int64(), 0);
  EXPECT_EQ(json.at("jobs").as_array().size(), 0U);
  EXPECT_EQ(json.at("watermark").as_int64(), kMs + 120'000);
  EXPECT_GT(json.at("lag_ms").as_int64(), 0);
  EXPECT_GE(json.at("uptime_s").as_int64(), 0);
  EXPECT_TRUE(json.at("version").is_string());
  EXPECT_TRUE(json.at("disk_bytes").is_int64());
}

class EmptyServerTest : public ServerTest {};

TEST_F(EmptyServerTest, TheWatermarkIsNullWithoutEvents) {
  EXPECT_TRUE(Get("/v1/ads/a/aggregated_cnt?from=now-1h").Json().at("watermark").is_null());
  boost::json::value status = Get("/v1/status").Json();
  EXPECT_TRUE(status.at("watermark").is_null());
  EXPECT_TRUE(status.at("lag_ms").is_null());
}

// Minutes older than two days are gone.
class RetentionTest : public ServerTest {
 protected:
  void Configure(ServerOptions* options) override { options->engine.retain_minutes_ms = 2LL * 86'400'000; }
};

TEST_F(RetentionTest, WhatRetentionTookIs422WithTheFinestStep) {
  SendAndSync(Click("a", "1"));
  ASSERT_TRUE(server_->engine().Checkpoint().ok());  // moves the retention position
  TestAnswer answer = Get("/v1/ads/a/aggregated_cnt?from=2021-01-01T00:01:00Z&to=2021-01-01T00:02:00Z");
  EXPECT_EQ(answer.status, 422) << answer.body;
  EXPECT_EQ(answer.Json().at("finest_step").as_string(), "1h");
  TestAnswer hours = Get("/v1/ads/a/aggregated_cnt?from=2021-01-01T00:00:00Z&to=2021-01-01T02:00:00Z");
  EXPECT_EQ(hours.Json().at("count").as_int64(), 1);
}

}  // namespace
}  // namespace tallymark
