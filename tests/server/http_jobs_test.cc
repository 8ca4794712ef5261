#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "tests/server/test_server.h"

namespace tallymark {
namespace {

class HttpJobsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    server_->engine().AddJobKind({.name = "echo", .run = [](JobContext& context) -> Result<std::string> {
                                    return R"({"said":")" + context.parameters() + "\"}";
                                  }});
    server_->engine().AddJobKind({.name = "waits", .run = [](JobContext& context) -> Result<std::string> {
                                    context.SetProgress(0.25);
                                    while (!context.ShouldStop())
                                      std::this_thread::sleep_for(std::chrono::milliseconds(1));
                                    return Status::Unavailable("stopped");
                                  }});
  }
  std::string Start(const std::string& kind, const std::string& parameters) {
    Result<JobInfo> job = server_->engine().StartJob(kind, parameters);
    EXPECT_TRUE(job.ok());
    return job.ok() ? std::to_string(job->id) : "0";
  }
  boost::json::value AtRest(const std::string& id) {
    for (;;) {
      boost::json::value job = Get("/v1/jobs/" + id).Json();
      if (job.at("state").as_string() != "running") return job;
    }
  }
};

TEST_F(HttpJobsTest, AJobIsShownWithItsResult) {
  boost::json::value job = AtRest(Start("echo", "hello"));
  EXPECT_EQ(job.at("state").as_string(), "done");
  EXPECT_EQ(job.at("kind").as_string(), "echo");
  EXPECT_EQ(job.at("progress").to_number<double>(), 1.0);
  EXPECT_EQ(job.at("result").at("said").as_string(), "hello");
  EXPECT_GT(job.at("ended").as_int64(), 0);
}

TEST_F(HttpJobsTest, ARunningJobCanBeCancelled) {
  std::string id = Start("waits", "");
  EXPECT_EQ(Request("DELETE", "/v1/jobs/" + id).status, 200);
  EXPECT_EQ(AtRest(id).at("state").as_string(), "cancelled");
  EXPECT_EQ(Request("DELETE", "/v1/jobs/00" + id).status, 409);
}

TEST_F(HttpJobsTest, JobsAreListedNewestFirstInTheStatusToo) {
  AtRest(Start("echo", "1"));
  std::string id = Start("waits", "2");
  for (const char* target : {"/v1/jobs", "/v1/status"}) {
    boost::json::value json = Get(target).Json();
    const boost::json::array& jobs = json.at("jobs").as_array();
    ASSERT_EQ(jobs.size(), 2U) << target;
    EXPECT_EQ(std::to_string(jobs[0].at("id").to_number<uint64_t>()), id);
    EXPECT_EQ(jobs[0].at("state").as_string(), "running");
    EXPECT_EQ(jobs[1].at("state").as_string(), "done");
    EXPECT_FALSE(jobs[1].as_object().contains("result"));
  }
}

TEST_F(HttpJobsTest, WhatIsNoJobIsToldSo) {
  EXPECT_EQ(Get("/v1/jobs/77").status, 404);
  EXPECT_EQ(Get("/v1/jobs/-1").status, 400);
  EXPECT_EQ(Get("/v1/jobs/x").status, 400);
  EXPECT_EQ(Get("/v1/jobs?x=1").status, 400);
  EXPECT_EQ(Request("DELETE", "/v1/jobs/77").status, 404);
}

}  // namespace
}  // namespace tallymark
