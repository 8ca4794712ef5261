#ifndef TALLYMARK_ENGINE_JOB_H_
#define TALLYMARK_ENGINE_JOB_H_

#include <cstdint>
#include <functional>
#include <string>

#include "format/job_record.h"
#include "format/status.h"

namespace tallymark {

// A job as others see it.
struct JobInfo {
  uint64_t id = 0;  // from 1, never given twice
  std::string kind;
  std::string parameters;  // the kind's own bytes
  JobState state = JobState::kRunning;
  double progress = 0;  // 0..1, 1 when done
  int64_t started_ns = 0;
  int64_t ended_ns = 0;  // 0 until it is at rest
  std::string result;    // JSON text; empty: none
  std::string error;     // why it failed
};

// What a job has while it runs. Used by the one thread that runs it.
class JobContext {
 public:
  virtual ~JobContext() = default;
  virtual uint64_t id() const = 0;
  virtual const std::string& parameters() const = 0;
  // What Save kept last, in this run or before a restart; empty at first.
  virtual const std::string& saved() const = 0;
  // True once the job is cancelled or the engine closes: give up soon, with kUnavailable.
  virtual bool ShouldStop() const = 0;
  // A share, 0..1. Cheap; not durable.
  virtual void SetProgress(double share) = 0;
  // Keeps bytes to go on from after a restart; durable when it returns ok.
  virtual Status Save(std::string state) = 0;
};

// Jobs of one lane run one after another, lanes run beside each other.
enum class JobLane : uint8_t {
  kCounts = 0,  // what writes counters
  kFiles = 1,   // what brings events in
};
inline constexpr int kJobLaneCount = 2;

// What jobs of one name do. The functions are called on a job thread, may block, and must not throw.
struct JobKind {
  std::string name = {};
  JobLane lane = JobLane::kCounts;
  // A restart runs an unfinished job again, with what it saved; else the restart makes it fail. A
  // resumable job that returns kUnavailable is run again a little later.
  bool resumable = true;
  // Gives the result, JSON text. A failure is the job's failure, unless the job was asked to stop.
  std::function<Result<std::string>(JobContext&)> run = nullptr;
  // Takes back what a cancelled job has begun; after `run`, or instead of it. May be called again
  // after a crash. Null: there is nothing to take back.
  std::function<Status(JobContext&)> undo = nullptr;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_JOB_H_
