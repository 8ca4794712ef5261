#include <gtest/gtest.h>

#include <string>

#include "tests/server/test_server.h"

namespace tallymark {
namespace {

constexpr int64_t kMs = 1609459200000;  // 2021-01-01T00:00:00Z

class HttpFiltersTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    std::string lines;
    for (int i = 0; i < 20; ++i) {
      lines += "click,ad_id=ad1,os=" + std::to_string(i % 5) + ",country=" + (i < 10 ? "USA" : "DE") +
               " event_id=\"" + std::to_string(i) + "\",ip=\"10.0.0." + std::to_string(i) + "\" " +
               std::to_string(kMs + i) + "000000\n";
    }
    ASSERT_EQ(SendAndSync(lines), "synced t accepted=20 duplicates=0 rejected=0");
  }
  TestAnswer Put(const std::string& id, const std::string& body) {
    return Request("PUT", "/v1/filters/" + id, body);
  }
  // Defines the filter and waits until its past is counted.
  void Define(const std::string& id, const std::string& body) {
    TestAnswer answer = Put(id, body);
    ASSERT_TRUE(answer.status == 200 || answer.status == 201) << answer.body;
    AwaitReady(id);
  }
  // Until its past is counted and the job that did it is at rest.
  void AwaitReady(const std::string& id) {
    while (!Get("/v1/filters/" + id).Json().at("ready").as_bool() ||
           Get("/v1/jobs").body.find("running") != std::string::npos) {
    }
  }
  boost::json::value Count(const std::string& filter) {
    return Get("/v1/ads/ad1/aggregated_cnt?from=1609459200000&to=1609459260000&filter=" + filter).Json();
  }
  void ExpectProblem(const TestAnswer& answer, int status, const std::string& detail) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(answer.Header("content-type"), "application/problem+json");
    EXPECT_NE(std::string(answer.Json().at("detail").as_string()).find(detail), std::string::npos)
        << answer.body;
  }
};

TEST_F(HttpFiltersTest, AFilterIsDefinedAndAnswers) {
  TestAnswer answer = Put("12", R"({"filter_id": 12, "os": 3, "country": "USA", "ip": "*"})");
  EXPECT_EQ(answer.status, 201) << answer.body;
  boost::json::value filter = answer.Json();
  EXPECT_EQ(filter.at("filter_id").as_int64(), 12);
  EXPECT_EQ(boost::json::serialize(filter.at("definition")),
            R"({"filter_id":12,"os":"3","country":"USA","ip":"*"})");
  EXPECT_EQ(filter.at("job").at("kind").as_string(), "filter");
  AwaitReady("12");
  Define("12", R"({"os": ["3", 4]})");
  boost::json::value count = Count("0012");
  EXPECT_EQ(count.at("count").as_int64(), 8);
  EXPECT_EQ(count.at("filter").as_int64(), 12);
  EXPECT_TRUE(count.at("ready").as_bool());
  EXPECT_EQ(boost::json::serialize(Get("/v1/filters/012").Json().at("definition")),
            R"({"filter_id":12,"os":["3","4"]})");
  boost::json::value top = Get("/v1/ads/popular_ads?to=1609459260000&filter=12").Json();
  EXPECT_EQ(top.at("counts").as_array().at(0).as_int64(), 8);
}

TEST_F(HttpFiltersTest, RedefiningAnswers200) {
  Define("1", R"({"os": "3"})");
  EXPECT_EQ(Put("1", R"({"os": "!3"})").status, 200);
}

TEST_F(HttpFiltersTest, FiltersAreListedAndDeleted) {
  Define("2", R"({"os": "2"})");
  Define("1", R"({"ip": "10.0.0.0/29"})");
  boost::json::value filters = Get("/v1/filters").Json();
  ASSERT_EQ(filters.at("filters").as_array().size(), 2U);
  EXPECT_EQ(filters.at("filters").at(0).at("filter_id").as_int64(), 1);
  EXPECT_EQ(Count("1").at("count").as_int64(), 8);
  EXPECT_EQ(Request("DELETE", "/v1/filters/1").status, 204);
  ExpectProblem(Get("/v1/filters/1"), 404, "filter 1");
  ExpectProblem(Request("DELETE", "/v1/filters/1"), 404, "filter 1");
  ExpectProblem(Get("/v1/ads/ad1/aggregated_cnt?from=1609459200000&filter=1"), 404, "filter 1");
  ExpectProblem(Get("/v1/ads/ad1/series?from=1609459200000&to=1609459260000&filter=1"), 404, "filter 1");
  ExpectProblem(Get("/v1/ads/popular_ads?filter=1"), 404, "filter 1");
}

TEST_F(HttpFiltersTest, WhatIsWrongIsToldWithItsField) {
  ExpectProblem(Put("0", "{}"), 400, "filter_id");
  ExpectProblem(Put("4294967296", "{}"), 400, "filter_id");
  ExpectProblem(Put("x", "{}"), 400, "filter_id");
  ExpectProblem(Put("1", R"({"filter_id": 2})"), 400, "filter_id");
  ExpectProblem(Put("1", R"({"os": true})"), 400, "os: ");
  ExpectProblem(Put("1", R"({"os": null})"), 400, "os: ");
  ExpectProblem(Put("1", R"({"os": {"a": 1}})"), 400, "os: ");
  ExpectProblem(Put("1", R"({"os": [["a"]]})"), 400, "os: ");
  ExpectProblem(Put("1", R"({"os": [1, false]})"), 400, "os: ");
  ExpectProblem(Put("1", R"({"os": []})"), 400, "os: ");
  ExpectProblem(Put("1", R"({"os": 1, "os": 2})"), 400, "os: ");
  ExpectProblem(Put("1", R"({"ip": "10.0.0.0/99"})"), 400, "ip: ");
  ExpectProblem(Put("1", R"({"kind": "clicks"})"), 400, "kind: ");
  ExpectProblem(Put("1", "[]"), 400, "JSON object");
  ExpectProblem(Put("1", "\"x\""), 400, "JSON object");
  ExpectProblem(Put("1", R"({"os": )"), 400, "not JSON");
  ExpectProblem(Put("1", ""), 400, "JSON");
  ExpectProblem(Put("1", "{} {}"), 400, "JSON");
  ExpectProblem(Request("PUT", "/v1/filters/1?x=1", "{}"), 400, "x");
  EXPECT_TRUE(Get("/v1/filters").Json().at("filters").as_array().empty()) << "nothing half defined";
}

TEST_F(HttpFiltersTest, NumbersMatchAsTheTextTheyAreWrittenWith) {
  ASSERT_EQ(SendAndSync("click,ad_id=ad1 event_id=\"n\",size=1.50 1609459200000000000\n"),
            "synced t accepted=1 duplicates=0 rejected=0");
  Define("1", R"({"size": 1.50})");
  Define("2", R"({"size": 1.5})");
  EXPECT_EQ(Count("1").at("count").as_int64() + Count("2").at("count").as_int64(), 1);
}

}  // namespace
}  // namespace tallymark
