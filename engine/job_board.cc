#include "engine/job_board.h"

#include <rocksdb/write_batch.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "engine/thread_name.h"
#include "format/keys.h"

namespace tallymark {
namespace {

constexpr int kNiceness = 5;
// A job that found something unavailable is tried again after this long.
constexpr auto kRetryPause = std::chrono::seconds(1);

}  // namespace

struct JobBoard::Entry {
  uint64_t id = 0;
  JobRecord record;     // guarded by the board's mutex; kind and parameters never change
  bool loaded = false;  // begun before this start
  bool taken = false;
  std::chrono::steady_clock::time_point not_before;
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> progress{0};
};

class JobBoard::Context final : public JobContext {
 public:
  Context(JobBoard* board, std::shared_ptr<Entry> entry, std::string saved)
      : board_(board), entry_(std::move(entry)), saved_(std::move(saved)) {}

  uint64_t id() const override { return entry_->id; }
  const std::string& parameters() const override { return entry_->record.parameters; }
  const std::string& saved() const override { return saved_; }
  bool ShouldStop() const override { return entry_->stop.load(); }
  void SetProgress(double share) override {
    entry_->progress.store(static_cast<uint32_t>(std::clamp(share, 0.0, 1.0) * kProgressWhole));
  }
  Status Save(std::string state) override {
    std::lock_guard lock(board_->mutex_);
    entry_->record.saved = state;
    entry_->record.progress = entry_->progress.load();
    rocksdb::WriteBatch write;
    saved_ = std::move(state);
    return board_->Write(*entry_, &write);
  }

 private:
  JobBoard* const board_;
  const std::shared_ptr<Entry> entry_;
  std::string saved_;
};

JobBoard::JobBoard(Storage* storage, const Clock* clock) : storage_(storage), clock_(clock) {}

JobBoard::~JobBoard() { Stop(); }

Status JobBoard::Load() {
  std::unique_ptr<rocksdb::Iterator> it(
      storage_->db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kJobs)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    JobKey key;
    if (!JobKey::Decode(ToView(it->key()), &key)) return Status::Corruption("a job's key is unreadable");
    auto entry = std::make_shared<Entry>();
    entry->id = key.id;
    entry->loaded = true;
    Status decoded = DecodeJobRecord(ToView(it->value()), &entry->record);
    if (!decoded.ok()) return decoded.WithContext("job " + std::to_string(key.id));
    entry->progress = entry->record.progress;
    entries_[key.id] = std::move(entry);
    next_id_ = key.id + 1;
  }
  return FromRocks(it->status(), "read the jobs");
}

void JobBoard::Start() {
  std::lock_guard lock(mutex_);
  for (auto& [id, entry] : entries_) {
    if (!IsAtRest(entry->record.state)) spdlog::info("job {} ({}) is taken up again", id, entry->record.kind);
  }
  for (int lane = 0; lane < kJobLaneCount; ++lane) {
    threads_.emplace_back([this, lane] { RunLane(static_cast<JobLane>(lane)); });
  }
}

void JobBoard::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [id, entry] : entries_) entry->stop = true;
    wake_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void JobBoard::AddKind(JobKind kind) {
  std::lock_guard lock(mutex_);
  std::string name = kind.name;
  kinds_[std::move(name)] = std::make_shared<const JobKind>(std::move(kind));
  wake_.notify_all();
}

Result<JobInfo> JobBoard::Submit(const std::string& kind, std::string parameters, const With& with) {
  std::lock_guard lock(mutex_);
  if (stopping_) return Status::Unavailable("the engine is closing");
  if (kinds_.find(kind) == kinds_.end()) return Status::NotFound("there is no kind of job named " + kind);
  const auto unfinished = static_cast<size_t>(std::count_if(
      entries_.begin(), entries_.end(), [](const auto& e) { return !IsAtRest(e.second->record.state); }));
  if (unfinished >= kUnfinishedMax) return Status::Exhausted("too many jobs wait already");
  auto entry = std::make_shared<Entry>();
  entry->id = next_id_;
  entry->record.kind = kind;
  entry->record.parameters = std::move(parameters);
  entry->record.started_ns = clock_->NowNs();
  rocksdb::WriteBatch write;
  if (with) with(entry->id, &write);
  Status written = Write(*entry, &write);
  if (!written.ok()) return written;
  ++next_id_;
  entries_[entry->id] = entry;
  wake_.notify_all();
  return InfoOf(*entry);
}

std::vector<JobInfo> JobBoard::List() const {
  std::lock_guard lock(mutex_);
  std::vector<JobInfo> jobs;
  for (auto it = entries_.rbegin(); it != entries_.rend(); ++it) jobs.push_back(InfoOf(*it->second));
  return jobs;
}

Result<JobInfo> JobBoard::Find(uint64_t id) const {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(id);
  if (found == entries_.end()) return Status::NotFound("there is no job " + std::to_string(id));
  return InfoOf(*found->second);
}

Result<JobInfo> JobBoard::Cancel(uint64_t id) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(id);
  if (found == entries_.end()) return Status::NotFound("there is no job " + std::to_string(id));
  Entry& entry = *found->second;
  if (IsAtRest(entry.record.state)) {
    return Status::Conflict("job " + std::to_string(id) + " is " +
                            std::string(JobStateName(entry.record.state)) + " already");
  }
  if (entry.record.state == JobState::kRunning) {
    entry.record.state = JobState::kCancelling;
    rocksdb::WriteBatch write;
    Status written = Write(entry, &write);
    if (!written.ok()) {
      entry.record.state = JobState::kRunning;
      return written;
    }
  }
  entry.stop = true;
  wake_.notify_all();
  return InfoOf(entry);
}

JobInfo JobBoard::InfoOf(const Entry& entry) {
  JobInfo info;
  info.id = entry.id;
  info.kind = entry.record.kind;
  info.parameters = entry.record.parameters;
  info.state = entry.record.state;
  info.progress = static_cast<double>(entry.progress.load()) / kProgressWhole;
  info.started_ns = entry.record.started_ns;
  info.ended_ns = entry.record.ended_ns;
  info.result = entry.record.result;
  info.error = entry.record.error;
  return info;
}

// The oldest job of the lane that can go on now.
std::shared_ptr<JobBoard::Entry> JobBoard::Next(JobLane lane) {
  const auto now = std::chrono::steady_clock::now();
  for (auto& [id, entry] : entries_) {
    if (IsAtRest(entry->record.state) || entry->taken || entry->not_before > now) continue;
    auto kind = kinds_.find(entry->record.kind);
    if (kind != kinds_.end() && kind->second->lane == lane) return entry;
  }
  return nullptr;
}

void JobBoard::RunLane(JobLane lane) {
  NameThisThread("job");
  // Of this thread alone, as Linux has it: events that come in go first.
  (void)::setpriority(PRIO_PROCESS, 0, kNiceness);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::shared_ptr<Entry> next = Next(lane);
    if (next) {
      RunEntry(&lock, next);
    } else {
      wake_.wait_for(lock, kRetryPause);
    }
  }
}

void JobBoard::RunEntry(std::unique_lock<std::mutex>* lock, const std::shared_ptr<Entry>& entry) {
  const std::shared_ptr<const JobKind> kind = kinds_.find(entry->record.kind)->second;
  entry->taken = true;
  const bool cancelled = entry->record.state == JobState::kCancelling;
  Context context(this, entry, entry->record.saved);
  lock->unlock();
  Result<std::string> outcome = Status::Unavailable("cancelled");
  if (entry->loaded && !kind->resumable) {
    outcome = Status::Internal("a restart came in between; start it again");
  } else if (!cancelled) {
    outcome = kind->run(context);
  }
  lock->lock();
  Status undone;
  if (!outcome.ok() && entry->record.state == JobState::kCancelling && kind->undo) {
    lock->unlock();
    undone = kind->undo(context);
    lock->lock();
  }
  Settle(entry.get(), outcome, undone, kind->resumable);
  entry->taken = false;
}

void JobBoard::Settle(Entry* entry, const Result<std::string>& outcome, const Status& undone,
                      bool resumable) {
  const bool cancelling = entry->record.state == JobState::kCancelling;
  const bool later = !outcome.ok() && outcome.status().code() == Code::kUnavailable && resumable;
  if (!outcome.ok() && !undone.ok() && undone.code() == Code::kUnavailable) {
    entry->not_before = std::chrono::steady_clock::now() + kRetryPause;
    return;
  }
  if (!outcome.ok() && !cancelling && (stopping_ || later)) {
    entry->not_before = std::chrono::steady_clock::now() + kRetryPause;
    return;
  }
  const JobRecord before = entry->record;
  JobRecord& record = entry->record;
  record.ended_ns = clock_->NowNs();
  if (outcome.ok()) {
    record.state = JobState::kDone;
    record.result = *outcome;
    entry->progress = kProgressWhole;
  } else if (cancelling && undone.ok()) {
    record.state = JobState::kCancelled;
  } else {
    record.state = JobState::kFailed;
    record.error = cancelling ? undone.message() : outcome.status().message();
    spdlog::error("job {} ({}) failed: {}", entry->id, record.kind, record.error);
  }
  record.progress = entry->progress.load();
  Status kept = KeepAtRest(entry);
  if (kept.ok()) return;
  spdlog::error("job {} ({}) cannot be kept: {}", entry->id, record.kind, kept.message());
  entry->record = before;
  entry->not_before = std::chrono::steady_clock::now() + kRetryPause;
}

Status JobBoard::KeepAtRest(Entry* entry) {
  rocksdb::WriteBatch write;
  std::vector<uint64_t> finished;
  for (const auto& [id, other] : entries_) {
    if (IsAtRest(other->record.state) && id != entry->id) finished.push_back(id);
  }
  const size_t surplus = finished.size() >= kFinishedMax ? finished.size() + 1 - kFinishedMax : 0;
  finished.resize(surplus);
  for (uint64_t id : finished) write.Delete(storage_->handle(Family::kJobs), JobKey{id}.Encode());
  Status written = Write(*entry, &write);
  if (!written.ok()) return written;
  for (uint64_t id : finished) entries_.erase(id);
  return Status::Ok();
}

Status JobBoard::Write(const Entry& entry, rocksdb::WriteBatch* write) const {
  write->Put(storage_->handle(Family::kJobs), JobKey{entry.id}.Encode(), EncodeJobRecord(entry.record));
  rocksdb::WriteOptions sync;
  sync.sync = true;
  return FromRocks(storage_->db()->Write(sync, write), "keep job " + std::to_string(entry.id));
}

}  // namespace tallymark
