#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "tests/server/test_server.h"

namespace tallymark {
namespace {

class MetricsPageTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    SendAndSync(Click("a", "1") + Click("a", "1") + "click event_id=\"2\"\n");
    Get("/v1/ads/a/aggregated_cnt?from=now-1h");
    Get("/nothing");
    page_ = Get("/metrics");
  }

  double Value(const std::string& sample) const {
    size_t at = page_.body.find("\n" + sample + " ");
    return at == std::string::npos ? -1 : std::stod(page_.body.substr(at + sample.size() + 2));
  }

  TestAnswer page_;
};

TEST_F(MetricsPageTest, LatenessIsMeasuredAgainstTheNewestEvent) {
  constexpr int64_t kNewest = 1609459201000;  // of the click in SetUp
  SendAndSync(Click("a", "3", kNewest - 3000) + Click("a", "4", kNewest - 500) +
              Click("a", "5", kNewest - 86'400'000) + Click("a", "3", kNewest - 3000));
  page_ = Get("/metrics");
  EXPECT_EQ(Value("tallymark_event_lateness_seconds_count"), 4);
  EXPECT_EQ(Value("tallymark_event_lateness_seconds_bucket{le=\"1\"}"), 2);
  EXPECT_EQ(Value("tallymark_event_lateness_seconds_bucket{le=\"2\"}"), 2);
  EXPECT_EQ(Value("tallymark_event_lateness_seconds_bucket{le=\"4\"}"), 3);
  EXPECT_EQ(Value("tallymark_event_lateness_seconds_bucket{le=\"65536\"}"), 3);
  EXPECT_EQ(Value("tallymark_event_lateness_seconds_bucket{le=\"131072\"}"), 4);
  EXPECT_DOUBLE_EQ(Value("tallymark_event_lateness_seconds_sum"), 86'403.5);
  EXPECT_EQ(Value("tallymark_watermark_timestamp_seconds"), (kNewest - 120'000) / 1000.0);
}

TEST_F(MetricsPageTest, IsWellFormedText) {
  EXPECT_EQ(page_.status, 200);
  EXPECT_EQ(page_.Header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_TRUE(page_.body.ends_with("\n"));
  std::regex sample(R"(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? (\+Inf|-?[0-9.e+-]+))");
  std::regex type("# TYPE ([^ ]+) (counter|gauge|histogram)");
  std::set<std::string> families;
  std::set<std::string> samples;
  std::string family;
  bool is_histogram = false;
  std::istringstream lines(page_.body);
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(families.insert(family).second) << family << " comes twice";
    } else if (line.starts_with("# ")) {
      ASSERT_TRUE(std::regex_match(line, found, type)) << line;
      EXPECT_EQ(found[1], family);
      is_histogram = found[2] == "histogram";
    } else {
      ASSERT_TRUE(std::regex_match(line, found, sample)) << line;
      std::string name = found[1];
      EXPECT_TRUE(name == family || (is_histogram && name.starts_with(family + "_"))) << line;
      EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line << " comes twice";
    }
  }
  EXPECT_GT(families.size(), 50U);
}

TEST_F(MetricsPageTest, CountersAreNamedAsSuch) {
  std::regex type("# TYPE ([^ ]+) ([a-z]+)");
  for (std::sregex_iterator it(page_.body.begin(), page_.body.end(), type), end; it != end; ++it) {
    std::string name = (*it)[1];
    EXPECT_EQ((*it)[2] == "counter", name.ends_with("_total")) << name;
  }
}

TEST_F(MetricsPageTest, CountsWhatHappened) {
  EXPECT_EQ(Value("tallymark_ingest_lines_total"), 3);
  EXPECT_EQ(Value("tallymark_ingest_rejected_total{reason=\"no_ad\"}"), 1);
  EXPECT_EQ(Value("tallymark_ingest_source_lines_total{source=\"tcp\"}"), 3);
  EXPECT_EQ(Value("tallymark_ingest_accepted_total"), 1);
  EXPECT_EQ(Value("tallymark_ingest_duplicates_total"), 1);
  EXPECT_EQ(Value("tallymark_ingest_conflicts_total"), 0);
  EXPECT_EQ(Value("tallymark_ingest_syncs_total"), 1);
  EXPECT_EQ(Value("tallymark_ads"), 1);
  EXPECT_EQ(Value("tallymark_writable"), 1);
  std::string count =
      "tallymark_http_requests_total{method=\"GET\",route=\"/v1/ads/{ad_id}/aggregated_cnt\",code=\"200\"}";
  EXPECT_EQ(Value(count), 1);
  EXPECT_EQ(Value("tallymark_http_requests_total{method=\"any\",route=\"none\",code=\"404\"}"), 1);
  EXPECT_EQ(Value("tallymark_commit_seconds_count"), Value("tallymark_batch_events_count"));
}

TEST_F(MetricsPageTest, KnowsItsProcess) {
  EXPECT_GT(Value("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(Value("process_cpu_seconds_total"), 0);
  EXPECT_GT(Value("process_open_fds"), 3);
  EXPECT_GE(Value("process_max_fds"), Value("process_open_fds"));
  EXPECT_GT(Value("process_start_time_seconds"), 1.6e9);
}

}  // namespace
}  // namespace tallymark
