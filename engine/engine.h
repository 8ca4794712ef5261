#ifndef TALLYMARK_ENGINE_ENGINE_H_
#define TALLYMARK_ENGINE_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/answers.h"
#include "engine/engine_options.h"
#include "engine/engine_stats.h"
#include "engine/filter.h"
#include "engine/job.h"
#include "engine/recount_report.h"
#include "engine/top_banners.h"
#include "format/ad_record.h"
#include "format/event_chunk.h"
#include "format/hour_row.h"
#include "format/import_record.h"
#include "format/status.h"

namespace tallymark {

// What became of the events of one ChunkSegment.
struct SegmentTally {
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
};

// Called once per Append, from an engine thread: be quick, do not call back into the engine and do
// not throw. With an ok status every accepted event of the chunk is durable (fsync'ed) and visible
// to queries, and `tallies` has one entry a segment, in order. Otherwise nothing may be taken for
// stored: the sender must be told to send again (duplicates of what did get stored are settled then).
using AppendDone = std::function<void(const Status&, std::span<const SegmentTally> tallies)>;

// The engine: exact counting of ad events on RocksDB (see engine/README.md).
//
// All methods are thread safe. Append does not block on I/O; queries may read the disk and block:
// keep them off I/O threads. Opening and closing block.
//
//   auto engine = Engine::Open({.data_dir = "/var/lib/tallymark"});
//   engine.value()->Append(chunk, [](const Status& s, auto tallies) { ... });
class Engine {
 public:
  // Opens or creates the directory, replays what no checkpoint covers and is ready for everything.
  // kConflict: another process holds it. kInvalid: a newer format or bad options. kCorruption: the
  // log ends before a position that was covered, or does not decode; nothing is changed then.
  static Result<std::unique_ptr<Engine>> Open(const EngineOptions& options);

  // Closes when Close was not called; a failure of the last checkpoint is then only logged.
  virtual ~Engine() = default;

  // Commits what was appended, answers it, writes a checkpoint and lets go of the directory.
  // Appends from then on fail with kUnavailable. Idempotent.
  virtual Status Close() = 0;

  // Hands over a parsed chunk; it must not be changed any more. Chunks are sequenced in the order
  // of the calls. Memory is bounded by the caller: see PendingBytes. `done` is called exactly once.
  virtual void Append(std::shared_ptr<const EventChunk> chunk, AppendDone done) = 0;

  // Notes in a chunk which of its ads the engine knows already, which spares Append that work: there ads
  // are numbered one chunk after another, while this may run for many at a time. Optional. Call it once
  // all events are in; what it notes holds as long as they stay, whatever happens to the engine meanwhile.
  virtual void RecognizeAds(EventChunk* chunk) const = 0;

  // Bytes of chunk text appended and not yet answered. Callers stop reading their sockets while
  // this is over their limit.
  virtual uint64_t PendingBytes() const = 0;

  virtual AcceptedTimes AcceptedTimesNow() const = 0;

  // kUnavailable with a reason while writes are stopped (disk full, I/O error), else ok.
  virtual Status WriteHealth() const = 0;

  // ---- Queries. An ad never seen counts zero. kGone names the finest step still available when
  // minutes (or hours) of the range have been taken by retention. kNotFound: no such filter.

  // Sums over the range. An unaligned range needs minutes at its ends only.
  virtual Result<MetricSums> Totals(std::string_view ad_id, uint32_t filter, MinuteRange range) const = 0;

  // Sums of every step-long bucket from range.begin; (end - begin) is a multiple of step_minutes.
  // With window_minutes >= step_minutes > 0, bucket t covers [t + step - window, t + step);
  // 0 means window = step. At most 11,000 buckets, else kInvalid.
  virtual Result<std::vector<MetricSums>> Series(std::string_view ad_id, uint32_t filter, MinuteRange range,
                                                 int32_t step_minutes, int32_t window_minutes) const = 0;

  // Sums and distinct people of every step-long bucket from range.begin, all of `ad_ids` together (an
  // ad named twice counts once); (end - begin) is a multiple of step_minutes. Sets are kept by the
  // hour and merged as sets. At most 11,000 buckets, else kInvalid.
  virtual Result<MetricSeries> Metrics(std::span<const std::string> ad_ids, MinuteRange range,
                                       int32_t step_minutes) const = 0;

  // The `count` ads with the greatest amounts in the range; amounts of zero or less are left out.
  virtual Result<TopList> PopularAds(uint32_t filter, Metric metric, MinuteRange range,
                                     size_t count) const = 0;

  // The ads that belong to a campaign, banner or advertiser now and that some event named; none when
  // the owner is not known.
  virtual Result<std::vector<std::string>> AdsOf(AdOwner owner, const std::string& id) const = 0;

  // The banners of a campaign that are on top over the range; none when no ad with a banner belongs
  // to it.
  virtual Result<TopBanners> TopBannersOf(const std::string& campaign_id, MinuteRange range) const = 0;

  // Raw records of one ad with time in [from_ns, to_ns), at most `limit` (1..10,000).
  virtual Result<EventPage> Events(std::string_view ad_id, int64_t from_ns, int64_t to_ns, size_t limit,
                                   std::string_view cursor) const = 0;

  // Session windows over the raw clicks of one ad. Each session comes whole and on one page. Reads as
  // far as the page's last session goes. kExhausted: too many keys have a session at one time.
  virtual Result<SessionPage> Sessions(std::string_view ad_id, const SessionQuery& query) const = 0;

  // Newest event time - allowed lateness, never above clock - lateness; empty without events.
  virtual std::optional<int64_t> WatermarkMs() const = 0;

  // ---- Filters: counters of the events that match patterns. Filter 0 is everything.

  // Defines or redefines a filter: events that come from now on are counted, and a job counts the
  // past (FilterInfo::job). Durable when it returns; *created says that it was not there. kInvalid:
  // filter 0. kConflict: there are kFiltersMax already, or a job is counting this one.
  virtual Result<FilterInfo> DefineFilter(uint32_t id, FilterDefinition definition, bool* created) = 0;
  // Takes the filter and its counters away. kNotFound; kConflict: a job is counting it.
  virtual Status DeleteFilter(uint32_t id) = 0;
  virtual std::vector<FilterInfo> Filters() const = 0;           // by id
  virtual Result<FilterInfo> FindFilter(uint32_t id) const = 0;  // kNotFound
  // Whether counts asked for from now on are whole; cheap. Filter 0 is always. kNotFound.
  virtual Result<FilterReadiness> ReadinessOf(uint32_t id) const = 0;

  // ---- Jobs: work in the background that survives restarts.

  // Jobs of this name run from now on, those that a restart left unfinished too. `run` and `undo`
  // may be called until Close returns.
  virtual void AddJobKind(JobKind kind) = 0;
  // Keeps the job durably and gives its number; it runs when its lane is free. `parameters` are the
  // kind's own bytes. kNotFound: no such kind. kExhausted: too many wait.
  virtual Result<JobInfo> StartJob(const std::string& kind, std::string parameters) = 0;
  // Newest first: all that have not ended, and the last ones that have.
  virtual std::vector<JobInfo> Jobs() const = 0;
  virtual Result<JobInfo> FindJob(uint64_t id) const = 0;  // kNotFound
  // Durable when it returns, though the job may take a moment to come to rest. kConflict: it has
  // ended already.
  virtual Result<JobInfo> CancelJob(uint64_t id) = 0;

  // ---- Imports: which named files were loaded, or begun. The importer keeps these records; the
  // engine only remembers them, in step with the events.

  // Empty: no file of this name.
  virtual Result<std::optional<ImportRecord>> FindImport(std::string_view name) const = 0;
  // The name under which this content was begun first; empty: it never was.
  virtual Result<std::optional<std::string>> FindImportContent(std::string_view content_hash) const = 0;
  // Keeps the record. `durable`: it is when this returns; else no later than the next events are.
  virtual Status PutImport(std::string_view name, const ImportRecord& record, bool durable) = 0;
  // By name, from the first after `after` on.
  virtual Result<std::vector<std::pair<std::string, ImportRecord>>> Imports(std::string_view after,
                                                                            size_t limit) const = 0;

  // ---- Catalogue: what an ad belongs to and leads to. What is set goes before what its events say.

  // Replaces what is set for the ad; durable when it returns. True: nothing had been set.
  virtual Result<bool> SetAd(const std::string& ad_id, const AdSettings& settings) = 0;
  // Forgets what is set. kNotFound when nothing is.
  virtual Status RemoveAd(const std::string& ad_id) = 0;
  // What holds: what is set, filled up with what events said. kNotFound for an ad never set or seen.
  virtual Result<AdSettings> GetAd(const std::string& ad_id) const = 0;

  // ---- Upkeep.

  // Counts the raw records of the hours that the range touches again and compares every counter row
  // and top list with that count; what is in memory is written first. Runs beside everything else and
  // changes nothing. Blocks until it is through. kGone: raw is kept for none of the hours.
  // kCorruption: raw is damaged. kUnavailable: control.should_stop said so.
  virtual Result<ReconcileReport> Reconcile(int64_t from_ns, int64_t to_ns,
                                            const RecountControl& control) = 0;
  // Puts the recount in the place of the rows and lists of each of those hours, one after another,
  // each in one atomic step; live events are counted as always. Ends at the first hour that fails,
  // with those before it replaced. Errors as above.
  virtual Result<RecomputeReport> Recompute(int64_t from_ns, int64_t to_ns,
                                            const RecountControl& control) = 0;

  // Writes a checkpoint of everything durable now and waits for it.
  virtual Status Checkpoint() = 0;
  // Checkpoint, repack what is due (`all`: also hours that are not quiet), flush, and compact
  // until RocksDB has nothing left to do. For benchmarks, tests and backups.
  virtual Status CompactAll(bool all) = 0;

  virtual EngineStats Stats() const = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_ENGINE_H_
