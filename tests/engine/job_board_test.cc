#include "engine/job_board.h"

#include <rocksdb/write_batch.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "tests/engine/test_storage.h"

namespace tallymark {
namespace {

class JobBoardTest : public ::testing::Test {
 protected:
  JobBoardTest() { Open(); }

  // A board without kinds yet.
  void Open() {
    board_ = std::make_unique<JobBoard>(storage_.get(), &clock_);
    ASSERT_TRUE(board_->Load().ok());
    board_->Start();
  }
  void Reopen() {
    board_.reset();
    storage_.Reopen();
    Open();
  }
  static JobKind Kind(const std::string& name, std::function<Result<std::string>(JobContext&)> run) {
    JobKind kind;
    kind.name = name;
    kind.run = std::move(run);
    return kind;
  }
  // Runs until it is told to stop.
  static Result<std::string> UntilStopped(JobContext& context) {
    while (!context.ShouldStop()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Status::Unavailable("stopped");
  }
  uint64_t Submit(const std::string& kind, const std::string& parameters = "") {
    Result<JobInfo> job = board_->Submit(kind, parameters);
    EXPECT_TRUE(job.ok()) << job.status().message();
    return job.ok() ? job->id : 0;
  }
  JobInfo AtRest(uint64_t id) {
    for (;;) {
      Result<JobInfo> job = board_->Find(id);
      if (!job.ok() || IsAtRest(job->state)) return job.ok() ? *job : JobInfo();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  ManualClock clock_{1000};
  TestStorage storage_;
  std::unique_ptr<JobBoard> board_;
};

TEST_F(JobBoardTest, AJobRunsWithItsParametersAndGivesItsResult) {
  board_->AddKind(Kind("echo", [](JobContext& context) -> Result<std::string> {
    context.SetProgress(0.5);
    return "\"" + context.parameters() + "\"";
  }));
  JobInfo job = AtRest(Submit("echo", "hello"));
  EXPECT_EQ(job.id, 1U);
  EXPECT_EQ(job.state, JobState::kDone);
  EXPECT_EQ(job.result, "\"hello\"");
  EXPECT_EQ(job.progress, 1.0);
  EXPECT_EQ(job.started_ns, 1000);
  EXPECT_EQ(job.ended_ns, 1000);
}

TEST_F(JobBoardTest, AnUnknownKindIsRefused) {
  EXPECT_EQ(board_->Submit("nothing", "").status().code(), Code::kNotFound);
  EXPECT_EQ(board_->Find(1).status().code(), Code::kNotFound);
  EXPECT_EQ(board_->Cancel(1).status().code(), Code::kNotFound);
  EXPECT_TRUE(board_->List().empty());
}

TEST_F(JobBoardTest, AFailureIsKeptAcrossARestart) {
  board_->AddKind(Kind("fails", [](JobContext&) -> Result<std::string> { return Status::Io("broken"); }));
  uint64_t id = Submit("fails");
  EXPECT_EQ(AtRest(id).error, "broken");
  Reopen();
  EXPECT_EQ(board_->Find(id)->state, JobState::kFailed);
  EXPECT_EQ(board_->Find(id)->error, "broken");
  board_->AddKind(Kind("fails", [](JobContext&) -> Result<std::string> { return std::string(); }));
  EXPECT_EQ(Submit("fails"), id + 1);
}

TEST_F(JobBoardTest, AnUnfinishedJobGoesOnFromWhatItSaved) {
  std::atomic<bool> saved{false};
  board_->AddKind(Kind("long", [&](JobContext& context) -> Result<std::string> {
    Status kept = context.Save("half");
    if (!kept.ok()) return kept;
    saved = true;
    return UntilStopped(context);
  }));
  uint64_t id = Submit("long");
  while (!saved) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  Reopen();
  EXPECT_EQ(board_->Find(id)->state, JobState::kRunning) << "its kind is not there yet";
  board_->AddKind(
      Kind("long", [](JobContext& context) -> Result<std::string> { return "\"" + context.saved() + "\""; }));
  EXPECT_EQ(AtRest(id).result, "\"half\"");
}

TEST_F(JobBoardTest, AKindThatCannotGoOnFailsAfterARestart) {
  JobKind kind = Kind("once", UntilStopped);
  kind.resumable = false;
  board_->AddKind(kind);
  uint64_t id = Submit("once");
  Reopen();
  board_->AddKind(kind);
  EXPECT_EQ(AtRest(id).state, JobState::kFailed);
}

TEST_F(JobBoardTest, ACancelledJobIsUndoneAndStaysCancelled) {
  std::atomic<int> undone{0};
  JobKind kind = Kind("long", UntilStopped);
  kind.undo = [&](JobContext&) {
    ++undone;
    return Status::Ok();
  };
  board_->AddKind(kind);
  uint64_t running = Submit("long");
  uint64_t waiting = Submit("long");
  ASSERT_TRUE(board_->Cancel(waiting).ok());
  ASSERT_TRUE(board_->Cancel(running).ok());
  EXPECT_EQ(AtRest(running).state, JobState::kCancelled);
  EXPECT_EQ(AtRest(waiting).state, JobState::kCancelled);
  EXPECT_EQ(undone, 2);
  EXPECT_EQ(board_->Cancel(running).status().code(), Code::kConflict);
  Reopen();
  EXPECT_EQ(board_->Find(running)->state, JobState::kCancelled);
}

TEST_F(JobBoardTest, ACancellingIsNotForgottenByARestart) {
  board_->AddKind(Kind("deaf", [](JobContext& context) -> Result<std::string> {
    while (!context.ShouldStop()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Status::Unavailable("stopped");
  }));
  board_->AddKind(Kind("other", UntilStopped));
  Submit("other");
  uint64_t id = Submit("deaf");  // behind the other
  ASSERT_TRUE(board_->Cancel(id).ok());
  Reopen();
  board_->AddKind(Kind("deaf", [](JobContext&) -> Result<std::string> { return std::string("1"); }));
  EXPECT_EQ(AtRest(id).state, JobState::kCancelled);
}

TEST_F(JobBoardTest, WhatIsUnavailableIsTriedAgain) {
  std::atomic<int> runs{0};
  board_->AddKind(Kind("later", [&](JobContext&) -> Result<std::string> {
    if (++runs == 1) return Status::Unavailable("not now");
    return std::string("2");
  }));
  EXPECT_EQ(AtRest(Submit("later")).result, "2");
  EXPECT_EQ(runs, 2);
}

TEST_F(JobBoardTest, LanesRunBesideEachOther) {
  std::atomic<bool> other_ran{false};
  board_->AddKind(Kind("waits", [&](JobContext&) -> Result<std::string> {
    while (!other_ran) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return std::string();
  }));
  JobKind kind = Kind("files", [&](JobContext&) -> Result<std::string> {
    other_ran = true;
    return std::string();
  });
  kind.lane = JobLane::kFiles;
  board_->AddKind(kind);
  uint64_t first = Submit("waits");
  Submit("files");
  EXPECT_EQ(AtRest(first).state, JobState::kDone);
}

TEST_F(JobBoardTest, WhatBelongsToAJobIsWrittenWithIt) {
  board_->AddKind(Kind("k", [](JobContext&) -> Result<std::string> { return std::string(); }));
  Result<JobInfo> job = board_->Submit("k", "", [&](uint64_t id, rocksdb::WriteBatch* write) {
    write->Put(storage_->handle(Family::kMeta), "with", std::to_string(id));
  });
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(*storage_->Get(Family::kMeta, "with"), std::to_string(job->id));
}

TEST_F(JobBoardTest, OnlyTheLastFinishedOnesAreKept) {
  board_->AddKind(Kind("k", [](JobContext&) -> Result<std::string> { return std::string(); }));
  uint64_t last = 0;
  for (size_t i = 0; i < JobBoard::kFinishedMax + 20; ++i) last = Submit("k");
  AtRest(last);
  EXPECT_EQ(board_->List().size(), JobBoard::kFinishedMax);
  EXPECT_EQ(board_->List().front().id, last);
  Reopen();
  EXPECT_EQ(board_->List().size(), JobBoard::kFinishedMax);
  EXPECT_EQ(storage_.CountKeys(Family::kJobs), JobBoard::kFinishedMax);
}

}  // namespace
}  // namespace tallymark
