#ifndef TALLYMARK_ENGINE_CORE_H_
#define TALLYMARK_ENGINE_CORE_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/ad_table.h"
#include "engine/background_reconcile.h"
#include "engine/catalogue.h"
#include "engine/conversion_joiner.h"
#include "engine/counted_moment.h"
#include "engine/counter_view.h"
#include "engine/distinct_view.h"
#include "engine/engine.h"
#include "engine/event_reader.h"
#include "engine/filter_registry.h"
#include "engine/identity_index.h"
#include "engine/job_board.h"
#include "engine/learned_ads.h"
#include "engine/pipeline.h"
#include "engine/recount_figures.h"
#include "engine/repacker.h"
#include "engine/session_reader.h"
#include "engine/storage.h"

namespace tallymark {

struct SealedFiles;

// What a Core shares with the engine around it and outlives it.
struct CoreContext {
  EngineOptions options;
  const Clock* clock = nullptr;
  PipelineFigures* figures = nullptr;
  RecountFigures* recounts = nullptr;
  std::shared_ptr<rocksdb::FileSystem> file_system;  // tests only
  std::function<void(Status)> on_failure;
};

struct UpkeepFigures {
  std::atomic<uint64_t> checkpoints{0};
  std::atomic<double> checkpoint_seconds{0};
};

// Everything that belongs to one opening of a data directory. When a commit fails the engine drops
// its Core and opens another: memory is then what the log says.
class Core {
 public:
  // Opens the directory, loads what memory holds of it and replays the log beyond each view's own
  // position.
  static Result<std::unique_ptr<Core>> Open(const CoreContext& context);
  ~Core();

  Pipeline& pipeline() { return *pipeline_; }
  const Pipeline& pipeline() const { return *pipeline_; }
  const AdTable& ads() const { return ads_; }
  const CounterView& counters() const { return *counters_; }
  CounterView& counters() { return *counters_; }
  const DistinctView& distinct() const { return *distinct_; }
  const IdentityIndex& identities() const { return *identities_; }
  Catalogue& catalogue() { return *catalogue_; }
  const ConversionJoiner& joiner() const { return *joiner_; }
  const LearnedAds& learned() const { return *learned_; }
  const EventReader& events() const { return *events_; }
  JobBoard& jobs() { return *jobs_; }
  FilterRegistry& filters() { return *filters_; }
  const FilterRegistry& filters() const { return *filters_; }
  const SessionReader& sessions() const { return *sessions_; }
  const RetentionPositions& retention() const { return *retention_; }
  const UpkeepFigures& upkeep() const { return upkeep_; }
  uint64_t repacked_blocks() const { return repacker_->blocks(); }
  Storage& storage() const { return *storage_; }

  // Writes a checkpoint of everything durable; with `seal` identities too. Blocks.
  Status Checkpoint(bool seal) { return Checkpoint({.counts = true, .seal = seal}); }
  // Moves retention by the clock and deletes what has expired. `now_ns` is the clock's.
  Status Expire(int64_t now_ns);
  // Counts distinct people of one more hour of raw, where they were off for a time. Blocks.
  Status CompleteDistinct();
  // Repacks small blocks of hours that are due; `all`: of every hour. Blocks.
  Status Repack(bool all);
  Status CompactEverything();

  // The hour that is running by the clock.
  int32_t HourNow() const { return HourOf(context_.clock->NowNs()); }
  RecountFigures& recounts() const { return *context_.recounts; }

  // What is on disk now, to be counted again. Blocks while a checkpoint or a repacking goes in.
  CountedMoment TakeMoment() const;
  // While one is alive no raw record is moved or expires and no retention position moves.
  using RawPin = std::shared_ptr<void>;
  RawPin PinRaw();
  // Puts what `write` makes in the place of an hour's rows and lists; checkpoints wait meanwhile. It
  // is given the position that the counters cover. Blocks.
  using WriteHour = std::function<Result<CounterView::HourReplacement>(uint64_t covered_sequence)>;
  Status ReplaceHour(const WriteHour& write);

  // Stops taking events, answers what was taken, writes a last checkpoint. Blocks.
  Status Close();
  // Stops without a checkpoint, for a core that failed.
  void Abandon();

 private:
  explicit Core(const CoreContext& context) : context_(context) {}

  Status Load();
  Status Recover(LogState* state);
  Status CheckPositions(const LogState& state) const;
  Status Replay(const LogState& state);
  Status ReplayBlock(uint64_t sequence, std::string_view block, const FilterSet& filters);
  void StopThreads();
  void RunUpkeep();
  void RunFilterLoader();
  void UpkeepStep();
  void ExpireWaiting(int64_t now_ns);
  // What a checkpoint takes out of memory, beside what is learned of ads.
  struct Scope {
    bool counts = false;  // counters and distinct people
    bool seal = false;    // identities
  };
  Scope DueScope();
  Status Checkpoint(Scope scope);
  Result<bool> FreezeAtMark(Scope scope, uint64_t* sequence);
  Status WriteCheckpoint(bool seal, uint64_t sequence);
  Result<SealedFiles> SealFrozen(uint64_t sequence);
  Status FlushWhenQuiet();
  Status FlushEverything();
  Status ExpireRaw(int32_t first_kept);
  uint64_t PassedSequence() const;
  void AddFilterJob();
  // Makes counters that were counted beside the log durable, with positions of whoever counted.
  Status IngestAside(const DeltaSet& counted, std::vector<std::pair<std::string, std::string>> positions);

  const CoreContext context_;
  std::shared_ptr<RetentionPositions> retention_ = std::make_shared<RetentionPositions>();
  std::unique_ptr<Storage> storage_;
  AdTable ads_;
  std::unique_ptr<EventReader> events_;
  std::unique_ptr<SessionReader> sessions_;
  std::unique_ptr<IdentityIndex> identities_;
  std::unique_ptr<CounterView> counters_;
  std::unique_ptr<DistinctView> distinct_;
  std::unique_ptr<LearnedAds> learned_;
  std::unique_ptr<Catalogue> catalogue_;
  std::unique_ptr<ConversionJoiner> joiner_;
  std::unique_ptr<Repacker> repacker_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<FilterRegistry> filters_;
  std::unique_ptr<JobBoard> jobs_;  // uses all of the above: goes first
  UpkeepFigures upkeep_;

  std::mutex checkpoint_mutex_;  // one checkpoint, repacking or expiry at a time
  std::condition_variable raw_unpinned_;
  int raw_pins_ = 0;  // guarded by checkpoint_mutex_
  bool checkpoint_failed_ = false;
  // What CheckpointIsDue asks while another thread may be writing a checkpoint.
  std::atomic<uint64_t> covered_events_{0};  // LogState::events at the last checkpoint
  std::atomic<double> last_checkpoint_seconds_{0};
  std::atomic<double> last_seal_seconds_{0};
  double last_repack_seconds_ = 0;  // the upkeep thread's
  double last_trim_seconds_ = 0;    // the upkeep thread's

  std::atomic<bool> expiry_under_way_{false};
  std::mutex upkeep_mutex_;
  std::condition_variable upkeep_wake_;
  std::atomic<bool> stopping_{false};
  std::thread upkeep_thread_;
  std::thread filter_thread_;
  std::unique_ptr<BackgroundReconcile> reconcile_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_CORE_H_
