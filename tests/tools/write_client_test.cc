#include "tools/write_client.h"

#include <gtest/gtest.h>

#include <deque>

namespace tallymark {
namespace {

using std::chrono::milliseconds;

HttpAnswer Answer(int status, std::map<std::string, std::string> headers, std::string body = "") {
  return {status, std::move(headers), std::move(body)};
}

HttpAnswer Counts(int status, int accepted, int duplicates, int rejected, std::string body = "") {
  return Answer(status,
                {{"tallymark-accepted", std::to_string(accepted)},
                 {"tallymark-duplicates", std::to_string(duplicates)},
                 {"tallymark-rejected", std::to_string(rejected)}},
                std::move(body));
}

// Gives the answers one after the other; the last one again and again.
class ScriptedHttp : public HttpClient {
 public:
  explicit ScriptedHttp(std::deque<Result<HttpAnswer>> answers) : answers_(std::move(answers)) {}
  Result<HttpAnswer> Get(const std::string&) override { return Status::Internal("not asked for"); }
  Result<HttpAnswer> Put(const std::string&, std::string_view, std::string_view) override {
    return Status::Internal("not asked for");
  }
  Result<HttpAnswer> Post(const std::string& target, std::string_view, std::string_view) override {
    EXPECT_EQ(target, "/api/v2/write?precision=ns");
    Result<HttpAnswer> answer = answers_.front();
    if (answers_.size() > 1) answers_.pop_front();
    return answer;
  }

 private:
  std::deque<Result<HttpAnswer>> answers_;
};

struct Written {
  Result<WriteCounts> counts;
  std::vector<milliseconds> waits;
};

Written Write(std::deque<Result<HttpAnswer>> answers) {
  std::vector<milliseconds> waits;
  WriteClient client(std::make_unique<ScriptedHttp>(std::move(answers)),
                     {std::chrono::seconds(10), [&](milliseconds wait) { waits.push_back(wait); }});
  auto counts = client.Write("click ad_id=\"7\" 1\n");
  return {std::move(counts), std::move(waits)};
}

TEST(WriteClientTest, SuccessGivesTheServersCounts) {
  Written written = Write({Counts(204, 5, 2, 0)});
  ASSERT_TRUE(written.counts.ok());
  EXPECT_EQ(written.counts->accepted, 5u);
  EXPECT_EQ(written.counts->duplicates, 2u);
  EXPECT_FALSE(written.counts->answer_was_lost);
}

TEST(WriteClientTest, PartialWriteGivesCountsAndTheFirstRejection) {
  Written written = Write({Counts(400, 5, 0, 1, R"({"code":"invalid","message":"line 3: too_old"})")});
  ASSERT_TRUE(written.counts.ok());
  EXPECT_EQ(written.counts->rejected, 1u);
  EXPECT_EQ(written.counts->first_rejection, "line 3: too_old");
}

TEST(WriteClientTest, BusyServerIsAskedAgainAfterTheTimeItNames) {
  Written written = Write({Answer(503, {{"retry-after", "3"}}), Answer(429, {}), Counts(204, 1, 0, 0)});
  ASSERT_TRUE(written.counts.ok());
  ASSERT_EQ(written.waits.size(), 2u);
  EXPECT_EQ(written.waits[0], milliseconds(3000));
  EXPECT_FALSE(written.counts->answer_was_lost);
}

TEST(WriteClientTest, LostAnswerIsRemembered) {
  Written written = Write({Status::Io("lost"), Status::Unavailable("refused"), Counts(204, 0, 9, 0)});
  ASSERT_TRUE(written.counts.ok());
  EXPECT_TRUE(written.counts->answer_was_lost);
  EXPECT_EQ(written.counts->duplicates, 9u);
}

TEST(WriteClientTest, RefusedConnectionLosesNoAnswer) {
  Written written = Write({Status::Unavailable("refused"), Counts(204, 9, 0, 0)});
  ASSERT_TRUE(written.counts.ok());
  EXPECT_FALSE(written.counts->answer_was_lost);
}

TEST(WriteClientTest, PatienceEndsWithTheLastReason) {
  Written written = Write({Answer(503, {{"retry-after", "4"}}, R"({"message":"disk full"})")});
  ASSERT_FALSE(written.counts.ok());
  EXPECT_EQ(written.counts.status().code(), Code::kUnavailable);
  EXPECT_EQ(written.counts.status().message(), "disk full");
  milliseconds sum{0};
  for (milliseconds wait : written.waits) sum += wait;
  EXPECT_EQ(sum, milliseconds(10'000));
}

TEST(WriteClientTest, OtherRefusalsAreFinal) {
  Written written = Write({Answer(413, {}, "too large")});
  ASSERT_FALSE(written.counts.ok());
  EXPECT_EQ(written.counts.status().code(), Code::kInvalid);
  EXPECT_EQ(written.counts.status().message(), "the server refused: status 413: too large");
  EXPECT_TRUE(written.waits.empty());
}

TEST(WriteClientTest, AnswerWithoutCountsIsNoSuccess) { EXPECT_FALSE(Write({Answer(204, {})}).counts.ok()); }

}  // namespace
}  // namespace tallymark
