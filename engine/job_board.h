#ifndef TALLYMARK_ENGINE_JOB_BOARD_H_
#define TALLYMARK_ENGINE_JOB_BOARD_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "engine/job.h"
#include "engine/storage.h"

namespace rocksdb {
class WriteBatch;
}

namespace tallymark {

// Runs jobs and remembers them: every job stands in the column family `jobs` from before it begins
// until it is one of too many finished ones. What a crash or a closing leaves unfinished is taken
// up at the next start, as soon as its kind is there. Thread safe.
//
//   board.AddKind({.name = "recount", .run = Recount});
//   Result<JobInfo> job = board.Submit("recount", parameters);
class JobBoard {
 public:
  static constexpr size_t kFinishedMax = 200;     // the oldest go first
  static constexpr size_t kUnfinishedMax = 2000;  // more are refused

  JobBoard(Storage* storage, const Clock* clock);
  ~JobBoard();  // Stop
  JobBoard(const JobBoard&) = delete;
  JobBoard& operator=(const JobBoard&) = delete;

  // Reads what is kept; once, before Start.
  Status Load();
  void Start();
  // Asks what runs to stop and waits for it. Jobs that do not get through stay unfinished.
  void Stop();

  // Jobs of this name run from now on. A kind of the same name is replaced.
  void AddKind(JobKind kind);

  // Keeps a new job, durably, and has it run when its turn comes. `with` may add changes that belong
  // to it to the same atomic write, knowing the job's id; it must not call the board. kNotFound: no
  // such kind. kExhausted: too many wait.
  using With = std::function<void(uint64_t id, rocksdb::WriteBatch* write)>;
  Result<JobInfo> Submit(const std::string& kind, std::string parameters, const With& with = nullptr);

  std::vector<JobInfo> List() const;  // newest first
  Result<JobInfo> Find(uint64_t id) const;
  // Durable when it returns; the job may take a moment to come to rest. kConflict: it is at rest.
  Result<JobInfo> Cancel(uint64_t id);

 private:
  struct Entry;
  class Context;

  void RunLane(JobLane lane);
  std::shared_ptr<Entry> Next(JobLane lane);
  // Runs or undoes the entry; called and returns with `lock` held.
  void RunEntry(std::unique_lock<std::mutex>* lock, const std::shared_ptr<Entry>& entry);
  void Settle(Entry* entry, const Result<std::string>& outcome, const Status& undone, bool resumable);
  Status Write(const Entry& entry, rocksdb::WriteBatch* write) const;
  Status KeepAtRest(Entry* entry);
  static JobInfo InfoOf(const Entry& entry);

  Storage* const storage_;
  const Clock* const clock_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<uint64_t, std::shared_ptr<Entry>> entries_;
  std::map<std::string, std::shared_ptr<const JobKind>, std::less<>> kinds_;
  uint64_t next_id_ = 1;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_JOB_BOARD_H_
