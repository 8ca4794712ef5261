#ifndef TALLYMARK_ENGINE_DISTINCT_VIEW_H_
#define TALLYMARK_ENGINE_DISTINCT_VIEW_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/distinct_position.h"
#include "engine/distinct_run.h"
#include "engine/hour_range.h"
#include "engine/log_state.h"
#include "engine/read_gate.h"
#include "engine/storage.h"
#include "format/distinct_set.h"
#include "format/raw_block.h"

namespace tallymark {

class EventReader;

// Distinct users and addresses of one step of hours.
struct DistinctPoint {
  DistinctCount users;
  DistinctCount ips;
  // False: events of these hours may have come while distinct counts were off and are not counted
  // yet, so the counts may be too small.
  bool complete = true;
};

// The users and addresses of each (ad, hour): a view of the log that knows how far it has read.
// Encoders make a run of each batch; durable ones are listed in a live delta, and a checkpoint
// freezes the list, folds it into rows and ingests them with the position they cover. Adding a
// person twice changes nothing, so an event may be applied any number of times.
//
// Threads: Apply, Replay and Freeze belong to the committer (or to recovery); WriteFiles,
// IngestAndPublish and CompleteStep to the upkeep thread, or to one it waits for; the rest to anyone.
class DistinctView {
 public:
  // A union over a range stays exact up to this many, unless one of its hours is a sketch.
  static constexpr size_t kUnionExactMax = 16'384;

  DistinctView(Storage* storage, std::shared_ptr<RetentionPositions> retention, bool enabled);

  // Reads the position and settles what became of the time in which the view was off: from now on it
  // covers the log to its end, complete from the hour after the newest event. Writes that down.
  Status Load(const LogState& log);

  bool enabled() const { return enabled_; }
  // The log up to here is not needed any more. When the view is off it needs nothing.
  uint64_t passed_sequence() const { return enabled_ ? covered_sequence() : UINT64_MAX; }
  uint64_t covered_sequence() const { return covered_sequence_.load(); }
  int32_t complete_from() const { return complete_from_.load(); }

  // For those who make runs; null while the view is off.
  std::shared_ptr<RunMemory> memory() const { return enabled_ ? memory_ : nullptr; }
  // Adds the run of a durable batch; null adds nothing.
  void Apply(std::shared_ptr<const DistinctRun> run);
  // Adds a block of the log (restart).
  Status Replay(std::string_view block);

  // Begins a checkpoint at the log position `sequence`, which Apply has reached. Returns false when
  // there is nothing new. Precondition: no checkpoint is under way.
  bool Freeze(uint64_t sequence);
  bool has_frozen() const { return frozen_sequence_ != 0; }
  // The frozen delta as sorted files, and the value of positions/distinct that goes with them.
  struct Files {
    std::vector<IngestFile> files;
    std::string position;
  };
  Result<Files> WriteFiles();
  // Runs `ingest` while the gate keeps readers out, and lets go of the frozen delta. When it fails
  // the frozen delta stays readable and the checkpoint stays open: the engine must be rebuilt.
  Status IngestAndPublish(const std::function<Status()>& ingest);

  // After a time in which the view was off: counts the raw records of one more hour. With the last
  // one the view is complete from the oldest raw record on. *more: call again. The caller sees to it
  // that nothing else is ingested meanwhile. Blocks on the disk.
  Status CompleteStep(const EventReader& events, bool* more);

  // Replaces *points by one for every step of the range (whole steps), over all of `ads` (ascending)
  // together. Retention has been checked. Blocks on the disk.
  Status Points(std::span<const uint32_t> ads, HourRange range, int32_t step_hours,
                std::vector<DistinctPoint>* points) const;

  uint64_t live_bytes() const { return live_bytes_.load(std::memory_order_relaxed); }
  uint64_t delta_bytes() const;

 private:
  using Runs = std::vector<std::shared_ptr<const DistinctRun>>;
  class RowWriter;
  // What a reader sees, either side of a checkpoint whole.
  struct Snapshot {
    Runs runs;
    std::unique_ptr<rocksdb::Iterator> rows;
  };

  Snapshot Take() const;
  Status AddPoints(const Snapshot& snapshot, std::span<const uint32_t> ads, HourRange range,
                   int32_t step_hours, std::span<DistinctRow> points) const;
  Status WritePosition(const DistinctPosition& position);
  Status CountHour(const EventReader& events, int32_t hour);
  Status IngestRuns(const Runs& runs);

  Storage* const storage_;
  const std::shared_ptr<RetentionPositions> retention_;
  const bool enabled_;
  const std::shared_ptr<RunMemory> memory_ = std::make_shared<RunMemory>();
  std::atomic<uint64_t> covered_sequence_{0};
  std::atomic<int32_t> complete_from_{INT32_MIN};
  int32_t next_hour_ = INT32_MIN;             // of CompleteStep
  std::atomic<uint64_t> frozen_sequence_{0};  // 0: no checkpoint is under way

  ReadGate gate_;
  mutable std::mutex runs_mutex_;
  Runs live_;
  std::shared_ptr<const Runs> frozen_;
  std::atomic<uint64_t> live_bytes_{0};
  DistinctRunBuilder builder_{memory_};  // of the committer and of recovery
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_DISTINCT_VIEW_H_
