#ifndef TALLYMARK_ENGINE_PIPELINE_H_
#define TALLYMARK_ENGINE_PIPELINE_H_

#include <rocksdb/write_batch.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "engine/ad_table.h"
#include "engine/batch.h"
#include "engine/conversion_joiner.h"
#include "engine/counter_view.h"
#include "engine/distinct_view.h"
#include "engine/histogram.h"
#include "engine/identity_index.h"
#include "engine/lateness.h"
#include "engine/learned_ads.h"
#include "engine/log_state.h"
#include "engine/storage.h"

namespace tallymark {

// Figures of the pipeline, alive for as long as the engine; see EngineStats for their meaning.
struct PipelineFigures {
  std::atomic<uint64_t> accepted{0}, duplicates{0}, conflicts{0}, batches{0}, raw_blocks{0};
  std::atomic<uint64_t> pending_chunks{0}, pending_bytes{0};
  Histogram batch_events{1};
  Histogram commit_seconds{50e-6}, fsync_seconds{50e-6}, append_seconds{50e-6};
  Histogram lateness_seconds{LatenessMeter::kFirstBoundSeconds};
};

// The way of an event from Append to its acknowledgement:
//
//   Append -> [sequencer] -> [encoders] -> [committer] -> AppendDone
//
// The sequencer gives ads numbers and settles duplicates, one event after another; it closes a
// batch whenever the committer has room for one, so batches grow under load by themselves and a
// lone event waits for nobody; among many senders of little each it lets 1 ms pass between tiny batches.
// Encoders work on whole batches in parallel. The committer takes encoded batches in order, writes them with
// one fsync, applies them to the counters and answers.
//
// After the first failure nothing more is committed: what was sequenced behind it may have been
// judged a duplicate of something that was never stored. Everything is answered with the failure
// and `on_failure` is called once; the owner rebuilds the engine from the log.
class Pipeline {
 public:
  struct Parts {
    Storage* storage = nullptr;
    AdTable* ads = nullptr;
    IdentityIndex* identities = nullptr;
    CounterView* counters = nullptr;
    LearnedAds* learned = nullptr;
    ConversionJoiner* joiner = nullptr;
    PipelineFigures* figures = nullptr;
    std::shared_ptr<const FilterSet> filters = nullptr;  // of the first batches
    DistinctView* distinct = nullptr;                    // null: people are not counted
  };

  Pipeline(Parts parts, const LogState& state, unsigned encode_threads,
           std::function<void(Status)> on_failure);
  ~Pipeline();  // Stop

  void Append(AppendRequest request);

  // Sends a mark through the pipeline, ahead of what is not sequenced yet. `at_mark` runs on the
  // committer when everything before the mark is durable and applied; not at all after a failure
  // (then `abandoned` runs, on any thread). With `switch_generation` identities sequenced after the
  // mark go to a new generation.
  struct Mark {
    bool switch_generation = false;
    // Not null: batches after the mark match these filters.
    std::shared_ptr<const FilterSet> filters = nullptr;
    std::function<void()> at_mark;
    std::function<void(const Status&)> abandoned;
  };
  void Send(Mark mark);

  // Refuses further Appends with kUnavailable and waits until everything before is answered. Marks
  // still go through.
  void Drain();
  // Drains, then stops the threads.
  void Stop();

  // After the newest durable batch.
  LogState state() const;

 private:
  struct Slot {
    std::unique_ptr<Batch> batch;
    bool encoded = false;
    bool taken = false;
    std::function<void(const Status&)> abandoned;  // of a mark
  };

  // What encodes a batch on one thread.
  struct Encoders {
    explicit Encoders(const Parts& parts);
    void Encode(Batch* batch);

    BatchEncoder blocks;
    std::optional<DistinctRunBuilder> runs;  // empty: people are not counted
    std::vector<PeopleRow> people;           // of the batch at hand
  };

  void RunSequencer();
  void RunEncoder();
  void RunCommitter();

  bool MayClose(const Batch& batch) const;
  bool Rest(std::unique_lock<std::mutex>* lock);
  bool HasRoom(size_t events) const;
  void Sequence(AppendRequest request, Batch* batch);
  Status SettleRequest(AppendRequest* request, Batch* batch);
  void PrefetchFrom(const EventChunk& chunk, size_t begin) const;
  void PrefetchSlots(const EventChunk& chunk, std::span<const Event> events) const;
  template <class Visit>
  void ForEachUnknownAd(const EventChunk& chunk, std::span<const Event> events, Visit&& visit) const;
  Status SettleEvents(AppendRequest* request, Batch* batch);
  Result<IdentityIndex::Verdict> SettleOne(const EventChunk& chunk, const Event& event, Batch* batch);
  void Close(std::unique_ptr<Batch> batch);
  void PushMark(Mark mark);
  std::unique_ptr<Batch> NewBatch();
  std::vector<std::unique_ptr<Slot>> TakeReady();
  void KeepRows(Batch* batch);
  void Commit(std::vector<std::unique_ptr<Slot>>* slots);
  Status Write(const std::vector<std::unique_ptr<Slot>>& slots, LogState* state);
  void ApplyDurable(Batch* batch, uint64_t first_sequence);
  void Answer(Batch* batch, const Status& status);
  void AnswerRequest(AppendRequest* request, const Status& status);
  static void Refuse(const AppendRequest& request, const Status& status);
  void Fail(const Status& status);
  Status failure() const;

  const Parts parts_;
  const std::function<void(Status)> on_failure_;
  const size_t uncommitted_good_max_;  // batches of a good size on their way at a time

  rocksdb::WriteBatch write_;  // the committer's; keeps its memory

  mutable std::mutex mutex_;
  std::condition_variable input_ready_;   // the sequencer waits
  std::condition_variable encode_ready_;  // encoders wait
  std::condition_variable commit_ready_;  // the committer waits
  std::condition_variable drained_;
  std::deque<AppendRequest> input_;
  std::deque<Mark> marks_;
  std::shared_ptr<const FilterSet> filters_;  // of batches being begun
  std::deque<std::unique_ptr<Slot>> slots_;
  std::vector<std::vector<BatchRow>> spare_rows_;  // of batches that are through, for their memory
  size_t uncommitted_ = 0;                         // slots closed and not yet through the committer
  bool refusing_ = false;                          // no more Appends
  bool stopping_ = false;                          // threads end when there is nothing left
  bool sequencer_done_ = false;
  bool resting_ = false;  // the sequencer puts the next batch off and is not woken for a request
  Status failure_;
  LogState state_;
  LatenessMeter lateness_;                               // the sequencer's
  uint64_t closed_batches_ = 0;                          // the sequencer's
  bool crowded_ = false;                                 // the batch closed last was; the sequencer's
  std::chrono::steady_clock::time_point next_batch_at_;  // while crowded_
  std::atomic<uint64_t> durable_batches_{0};             // of them, in order
  Encoders sequencer_encoders_;  // of tiny batches, which are not worth another thread

  std::vector<std::thread> threads_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_PIPELINE_H_
