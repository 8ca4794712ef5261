#ifndef TALLYMARK_ENGINE_COUNTER_VIEW_H_
#define TALLYMARK_ENGINE_COUNTER_VIEW_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/ad_table.h"
#include "engine/batch.h"
#include "engine/delta_set.h"
#include "engine/engine.h"
#include "engine/filter_matcher.h"
#include "engine/read_view.h"
#include "engine/row_cache.h"
#include "engine/storage.h"
#include "engine/top_window.h"
#include "format/keys.h"
#include "format/raw_block.h"

namespace tallymark {

// Whether an amount in a top list stands for one that does not fit 64 bits.
constexpr bool IsAmountBound(int64_t amount) { return amount == INT64_MAX || amount == INT64_MIN; }

// The counters of all filters and their top lists: a view of the log that knows how far it has read.
// Durable batches are added to a live delta in memory; a checkpoint freezes the delta, writes it as
// sorted files and ingests them together with the position they cover.
//
// Threads: Apply, Replay and Freeze belong to the committer (or to recovery); checkpoints to the
// checkpoint thread; reads to anyone.
class CounterView {
 public:
  CounterView(Storage* storage, std::shared_ptr<RetentionPositions> retention);

  // Reads the position. Covers nothing when the directory is fresh.
  Status Load();
  uint64_t covered_sequence() const { return covered_sequence_.load(); }

  // Adds a durable, encoded batch.
  void Apply(const Batch& batch);
  // Adds a block of the log (restart), for the filters that are active from before it.
  Status Replay(uint64_t sequence, std::string_view block, const FilterSet& filters, const AdTable& ads);

  // Begins a checkpoint at the log position `sequence`, which Apply has reached. Returns false when
  // there is nothing new. Precondition: no checkpoint is under way.
  bool Freeze(uint64_t sequence);
  bool has_frozen() const { return frozen_ != nullptr; }
  // The frozen delta as sorted files, and the value of positions/counters that goes with them.
  struct Files {
    std::vector<IngestFile> files;
    std::string position;
  };
  Result<Files> WriteFiles();
  // Runs `ingest` while the gate keeps readers out, and lets go of the frozen delta. When it fails
  // the frozen delta stays readable and the checkpoint stays open: the engine must be rebuilt.
  Status IngestAndPublish(const std::function<Status()>& ingest);

  // ---- Counters that come from beside the log: what a job counted of the past. Same thread rule as
  // a checkpoint, and never while one is under way.

  // `counted` as sorted files, and the value of positions/counters that goes with them: the same
  // position by another generation.
  Result<Files> WriteAside(const DeltaSet& counted);
  // Runs `ingest` while the gate keeps readers out.
  Status IngestAside(const std::function<Status()>& ingest);

  // What takes the place of all that is stored of one hour, for some filters.
  struct HourReplacement {
    int32_t hour = 0;
    std::vector<uint32_t> filters;     // internal numbers, ascending; of the others nothing changes
    const DeltaSet* counts = nullptr;  // from raw up to covered_sequence(): of this hour and these filters
    // (ad, filter) of rows that go unless `counts` has them, ascending.
    std::vector<std::pair<uint32_t, uint32_t>> strays;
    bool minutes = true;  // false: retention has taken them, hours alone are written
  };
  // The replacement as sorted files and the position that goes with them: the sequence it was and
  // the next generation. Precondition: no checkpoint is under way until IngestReplacement.
  Result<Files> WriteReplacement(const HourReplacement& replacement);
  // Runs `ingest` while the gate keeps readers out; they see the hour before or after, whole.
  Status IngestReplacement(int32_t hour, const std::function<Status()>& ingest);

  // Calls use(covered_sequence) while nothing is ingested: for opening iterators.
  void InsideGate(const std::function<void(uint64_t covered_sequence)>& use) const {
    ReadGate::Pass pass = gate_.Enter();
    use(covered_sequence_.load());
  }

  // ---- Reads. Ranges have been checked; retention too (CheckRange).
  Status CheckRange(MinuteRange range) const;
  // The same for a series: with steps or windows of less than whole hours every minute is needed.
  Status CheckSteps(MinuteRange range, int32_t step_minutes, int32_t window_minutes) const;
  // `filter` is an internal number, 0 everything.
  Status Sum(uint32_t ad, uint32_t filter, MinuteRange range, MetricSums* sums) const;
  // One MetricSums per minute (step 1) or hour (step 60) from range.begin, which is aligned to it.
  Status Buckets(uint32_t ad, uint32_t filter, MinuteRange range, int step,
                 std::vector<MetricSums>* buckets) const;
  // Replaces *totals by the amount of every ad over the range for one metric. kExhausted when an
  // amount leaves 64 bits. Has all that was applied before; events are applied meanwhile, and it has some of
  // them.
  Status Totals(uint32_t filter, Metric metric, MinuteRange range, const AdTable& ads,
                AdAmounts* totals) const;
  // The running totals of everything's clicks when the recent window is exactly `range`; false when it
  // is not.
  bool TopFromWindow(MinuteRange range, const std::function<void(std::span<const uint32_t>)>& use) const;
  // Makes the running window end at this minute (which the clock has reached). Others read and count
  // meanwhile; the window itself is the former one until the end.
  Status AdvanceWindow(int32_t end_minute, const AdTable& ads);

  // Rows of the live delta, as of the last Apply; no lock taken.
  uint32_t live_rows() const { return live_rows_.load(std::memory_order_relaxed); }
  uint32_t delta_rows() const;
  uint64_t delta_bytes() const;

 private:
  std::shared_ptr<const ReadView> Acquire() const;
  void Publish(std::shared_ptr<const ReadView> next);
  void WaitForFormerReaders();
  std::shared_ptr<const ReadView> NewView();
  void PrefetchRows(std::span<const CountedEvent> counted, size_t begin) const;
  void ApplySlice(const Batch& batch, size_t begin, size_t end);
  void ApplyMatches(const Batch& batch, size_t end, size_t* match);
  CounterDelta* DeltaOf(uint32_t place);
  template <class Visit>
  void ForEachDeltaCell(const ReadView& view, uint32_t ad, uint32_t filter, int32_t first_hour,
                        int32_t end_hour, Visit&& visit) const;
  template <class Visit>
  Status VisitRow(const CounterKey& key, Visit&& visit) const;
  template <class Visit>
  Status ForEachRow(ReadGate::Pass* pass, uint32_t ad, uint32_t filter, int32_t first_hour, int32_t end_hour,
                    Visit&& visit) const;
  // A reader's view with the iterators it needs for top lists, opened together.
  struct Lists {
    std::shared_ptr<const ReadView> view;
    std::unique_ptr<rocksdb::Iterator> minutes, hours;
    uint64_t replacements = 0;
  };
  Lists OpenLists() const;
  // Whose amounts a top list adds up.
  struct Ranked {
    uint32_t filter = DeltaSet::kEverything;
    Metric metric = Metric::kClicks;
  };
  static Status AddLists(rocksdb::Iterator* it, const Ranked& ranked, int32_t begin, int32_t end,
                         AdAmounts* totals);
  Status AddSettled(const Lists& lists, const Ranked& ranked, MinuteRange range, AdAmounts* totals) const;
  static Status AddDelta(const DeltaSet& deltas, const Ranked& ranked, MinuteRange range, AdAmounts* totals);
  std::unique_lock<std::shared_mutex> LockDelta();
  template <class Visit>
  bool ForEachLiveSlice(const DeltaSet& live, uint32_t filter, Visit&& visit) const;
  Result<bool> TryTotals(const Ranked& ranked, MinuteRange range, const AdTable& ads,
                         AdAmounts* totals) const;
  Result<bool> TryAdvance(int32_t end_minute, const AdTable& ads);
  Result<AdAmounts> SettledChange(const Lists& lists, const TopWindow::Plan& plan, size_t ads) const;
  bool IsCurrent(const Lists& lists) const {
    return lists.view->live == live_ && lists.replacements == replacements_;
  }

  Storage* const storage_;
  const std::shared_ptr<RetentionPositions> retention_;
  DeltaPools pools_;
  std::atomic<uint64_t> covered_sequence_{0};
  uint64_t frozen_sequence_ = 0;
  uint64_t generation_ = 0;  // of the newest checkpoint; orders top chunks

  mutable std::shared_mutex delta_mutex_;  // contents of *live_ and window_
  // Taken before delta_mutex_ by who changes them, and passed by who reads many rows slice by slice and
  // would keep everybody else out: a mutex that has readers goes to the next reader first.
  mutable std::mutex turn_mutex_;
  std::shared_ptr<DeltaSet> live_;
  std::shared_ptr<DeltaSet> frozen_;
  std::shared_ptr<DeltaSet> spare_;              // cleared, for the next Freeze
  std::shared_ptr<const FilterSet> placed_set_;  // whose places placed_ is by
  std::vector<CounterDelta*> placed_;            // of *live_; null until it is needed
  FilterMatcher matcher_;                        // of replay
  TopWindow window_;
  std::atomic<uint32_t> live_rows_{0};

  ReadGate gate_;
  mutable RowCache rows_;                  // found and put inside the gate, forgotten while it is closed
  std::atomic<uint64_t> replacements_{0};  // changed while the gate is closed
  std::atomic<int> views_alive_{0};        // the present one and those that still have readers
  mutable std::mutex view_mutex_;
  std::shared_ptr<const ReadView> view_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_COUNTER_VIEW_H_
