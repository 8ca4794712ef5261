#include "tools/named_import.h"

#include <gtest/gtest.h>

#include <deque>

namespace tallymark {
namespace {

// Gives the answers it was told, in order, and notes what was asked.
class ScriptedHttp : public HttpClient {
 public:
  std::deque<Result<HttpAnswer>> answers;
  std::vector<std::string> asked;

  Result<HttpAnswer> Get(const std::string& target) override { return Next("GET " + target); }
  Result<HttpAnswer> Put(const std::string&, std::string_view, std::string_view) override {
    return Status::Internal("not asked for");
  }
  Result<HttpAnswer> Post(const std::string& target, std::string_view, std::string_view body) override {
    return Next("POST " + target + " " + std::string(body));
  }

 private:
  Result<HttpAnswer> Next(std::string what) {
    asked.push_back(std::move(what));
    if (answers.empty()) return Status::Internal("nothing more was expected");
    Result<HttpAnswer> answer = answers.front();
    answers.pop_front();
    return answer;
  }
};

HttpAnswer Answer(int status, std::string body) { return {status, {}, std::move(body)}; }

struct Ran {
  Result<std::string> outcome = Status::Internal("");
  std::vector<std::string> asked;
  std::vector<double> progress;
  std::chrono::milliseconds slept{0};
};

Ran Import(std::deque<Result<HttpAnswer>> answers) {
  ScriptedHttp http;
  http.answers = std::move(answers);
  Ran ran;
  NamedImport import(&http, {.patience = std::chrono::seconds(3),
                             .sleep = [&](std::chrono::milliseconds time) { ran.slept += time; },
                             .progress = [&](double share) { ran.progress.push_back(share); }});
  ran.outcome = import.Run("/v1/imports?name=a", "rows");
  ran.asked = http.asked;
  return ran;
}

constexpr const char* kDone = R"({"id":7,"state":"done","progress":1,"result":{"rows":3}})";

TEST(NamedImportTest, FollowsTheJobToItsReport) {
  Ran ran = Import({Answer(202, R"({"id":7,"state":"running","progress":0})"),
                    Answer(200, R"({"id":7,"state":"running","progress":0.5})"), Answer(200, kDone)});
  ASSERT_TRUE(ran.outcome.ok()) << ran.outcome.status().message();
  EXPECT_EQ(*ran.outcome, R"({"rows":3})");
  EXPECT_EQ(ran.asked,
            (std::vector<std::string>{"POST /v1/imports?name=a rows", "GET /v1/jobs/7", "GET /v1/jobs/7"}));
  EXPECT_EQ(ran.progress, std::vector<double>{0.5});
}

TEST(NamedImportTest, AServerThatRestartsIsWaitedFor) {
  Ran ran = Import({Answer(503, "{}"), Answer(202, R"({"id":7})"), Status::Io("lost"),
                    Status::Unavailable("nobody there"), Answer(503, "{}"), Answer(200, kDone)});
  ASSERT_TRUE(ran.outcome.ok()) << ran.outcome.status().message();
  EXPECT_EQ(ran.asked.size(), 6u);
}

TEST(NamedImportTest, PatienceEnds) {
  std::deque<Result<HttpAnswer>> answers;
  for (int i = 0; i < 100; ++i) answers.emplace_back(Status::Unavailable("nobody there"));
  Ran ran = Import(std::move(answers));
  EXPECT_EQ(ran.outcome.status().code(), Code::kUnavailable);
  EXPECT_EQ(ran.slept, std::chrono::seconds(3));
}

TEST(NamedImportTest, ARefusalIsTheServersWords) {
  Ran ran = Import({Answer(409, R"({"detail":"\"a\" was loaded before","same_content":true,"result":{}})")});
  EXPECT_EQ(ran.outcome.status().message(), "the server refused: \"a\" was loaded before");
}

TEST(NamedImportTest, ALostAnswerIsNotARefusal) {
  Ran ran = Import(
      {Status::Io("lost"), Answer(409, R"({"detail":"before","same_content":true,"result":{"rows":3}})")});
  ASSERT_TRUE(ran.outcome.ok()) << ran.outcome.status().message();
  EXPECT_EQ(*ran.outcome, R"({"rows":3})");
  ran = Import(
      {Status::Io("lost"), Answer(409, R"({"detail":"before","same_content":false,"result":{"rows":3}})")});
  EXPECT_EQ(ran.outcome.status().message(), "the server refused: before");
}

TEST(NamedImportTest, AFailedOrCancelledJobIsAFailure) {
  Ran ran =
      Import({Answer(202, R"({"id":7})"), Answer(200, R"({"id":7,"state":"failed","error":"line 3"})")});
  EXPECT_EQ(ran.outcome.status().message(), "line 3");
  ran = Import(
      {Answer(202, R"({"id":7})"), Answer(200, R"({"id":7,"state":"failed","result":{"error":"line 4"}})")});
  EXPECT_EQ(ran.outcome.status().message(), "line 4");
  ran = Import({Answer(202, R"({"id":7})"), Answer(200, R"({"id":7,"state":"cancelled"})")});
  EXPECT_NE(ran.outcome.status().message().find("cancelled"), std::string::npos);
}

}  // namespace
}  // namespace tallymark
