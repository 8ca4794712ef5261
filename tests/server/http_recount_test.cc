#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "tests/server/test_server.h"

namespace tallymark {
namespace {

class HttpRecountTest : public ServerTest {
 protected:
  TestAnswer Post(const std::string& target, const std::string& body) {
    return Request("POST", target, body);
  }

  // The job, when it is at rest.
  boost::json::value Finished(const TestAnswer& started) {
    EXPECT_EQ(started.status, 202) << started.body;
    if (started.status != 202) return {};
    const std::string target = "/v1/jobs/" + std::to_string(started.Json().at("id").as_int64());
    for (;;) {
      boost::json::value job = Get(target).Json();
      if (job.at("state").as_string() != "running") return job;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  void ExpectBad(const std::string& body, const std::string& named) {
    for (const char* target : {"/v1/reconcile", "/v1/recompute"}) {
      TestAnswer answer = Post(target, body);
      EXPECT_EQ(answer.status, 400) << body;
      EXPECT_EQ(answer.Header("content-type"), "application/problem+json");
      EXPECT_NE(std::string(answer.Json().at("detail").as_string()).find(named), std::string::npos)
          << answer.body;
    }
  }
};

TEST_F(HttpRecountTest, AReconcileIsAJobWithAResult) {
  SendAndSync(Click("a", "1") + Click("a", "2") + Click("b", "3", 1609459201000 + 3'600'000));
  const boost::json::value job = Finished(Post("/v1/reconcile", R"({"from": 1609459200000, "to": "now"})"));
  EXPECT_EQ(job.at("state").as_string(), "done");
  EXPECT_EQ(job.at("kind").as_string(), "reconcile");
  EXPECT_EQ(job.at("progress").to_number<double>(), 1);
  EXPECT_EQ(
      job.at("result"),
      boost::json::parse(R"({"rows_checked":2,"mismatch_count":0,"mismatches":[],"complete_from":null})"));
}

TEST_F(HttpRecountTest, ARecomputeIsAJobAndChangesNoRightCount) {
  SendAndSync(Click("a", "1") + Click("a", "2") + Click("b", "3", 1609459201000 + 3'600'000));
  ASSERT_TRUE(server_->engine().Checkpoint().ok());
  SendAndSync(Click("a", "4"));
  const boost::json::value job =
      Finished(Post("/v1/recompute", R"({"from": "2021-01-01T00:00:00Z", "to": "2021-01-02T00:00:00Z"})"));
  EXPECT_EQ(job.at("state").as_string(), "done");
  EXPECT_EQ(job.at("result"),
            boost::json::parse(R"({"hours":2,"rows_written":2,"rows_removed":0,"complete_from":null})"));
  EXPECT_EQ(Clicks("a"), 3);
  EXPECT_EQ(Clicks("b"), 1);
  EXPECT_NE(Get("/metrics").body.find("\ntallymark_recomputed_hours_total 2\n"), std::string::npos);
}

TEST_F(HttpRecountTest, ABadRangeIsRefusedByName) {
  ExpectBad("", "JSON object");
  ExpectBad("[]", "JSON object");
  ExpectBad("{}", "from");
  ExpectBad(R"({"from": "yesterday"})", "from");
  ExpectBad(R"({"from": 1.5})", "from");
  ExpectBad(R"({"from": 1, "to": true})", "to");
  ExpectBad(R"({"from": 2, "to": 1})", "from must be before to");
  ExpectBad(R"({"from": 1, "until": 2})", "until");
  EXPECT_EQ(Post("/v1/reconcile?x=1", R"({"from": 1})").status, 400);
}

// Raw records of the tests' day have expired long ago.
class ExpiredRawTest : public HttpRecountTest {
 protected:
  void Configure(ServerOptions* options) override {
    options->engine.dedup_window_ms = 3'600'000;
    options->engine.retain_raw_ms = 48LL * 3'600'000;
    options->engine.clock = &clock_;
  }
  struct FixedClock final : Clock {
    int64_t NowNs() const override { return now_ns.load(); }
    std::atomic<int64_t> now_ns{1609459200000'000'000 + 3'600'000'000'000};
  };
  FixedClock clock_;
};

TEST_F(ExpiredRawTest, WhereRawIsGoneTheJobSaysSo) {
  constexpr int64_t kDayMs = 86'400'000;
  SendAndSync(Click("a", "1"));
  clock_.now_ns += 4 * kDayMs * 1'000'000;
  SendAndSync(Click("a", "2", 1609459201000 + 4 * kDayMs));
  ASSERT_TRUE(server_->engine().CompactAll(true).ok());
  const boost::json::value gone =
      Finished(Post("/v1/recompute", R"({"from": 1609459200000, "to": 1609462800000})"));
  EXPECT_EQ(gone.at("state").as_string(), "failed");
  EXPECT_NE(std::string(gone.at("error").as_string()).find("expired"), std::string::npos);
  const boost::json::value part = Finished(Post("/v1/recompute", R"({"from": 1609459200000})"));
  EXPECT_EQ(part.at("state").as_string(), "done");
  EXPECT_EQ(part.at("result").at("hours").as_int64(), 1);
  EXPECT_GT(part.at("result").at("complete_from").as_int64(), 1609459200000 + kDayMs);
  EXPECT_EQ(Clicks("a"), 2) << "what cannot be recounted stays";
}

}  // namespace
}  // namespace tallymark
