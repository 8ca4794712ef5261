#include "engine/core.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "engine/block_reader.h"
#include "engine/dedup_window.h"
#include "engine/filter_backfill.h"
#include "engine/identity_rebuild.h"
#include "engine/large_pool.h"
#include "engine/meta_keys.h"
#include "engine/thread_name.h"
#include "format/coding.h"
#include "format/keys.h"

namespace tallymark {
namespace {

constexpr double kFilterPollSeconds = 0.2;
constexpr double kUpkeepPollSeconds = 0.05;
constexpr double kRepackPollSecondsMax = 30;
// At least one checkpoint of counts under load: what waits for the next one is not let go.
constexpr double kTrimSeconds = 60;
// People and counters in memory that make a checkpoint due before EngineOptions::checkpoint_events do, where
// most events are of ads that have few: less than what senders have to wait for (see Pipeline).
constexpr uint64_t kPeopleBytes = 896ULL << 20;
constexpr uint32_t kRows = 8'000'000;
// Raw blocks in RocksDB's memory that are worth a flush when nothing comes.
constexpr uint64_t kQuietFlushBytes = 1ULL << 20;
// Shares of EngineOptions::memory_bytes.
constexpr double kBlockCacheShare = 0.2;
constexpr double kFilterShare = 0.45;
// What live identities, counts of two checkpoints and memtables take about, however large the rest may be:
// 2.6 GiB at the peak of 100M lines of 1M ads. With 10M ads it is 4.7.
constexpr uint64_t kFixedBytes = 5ULL << 29;

unsigned EncodeThreads(const EngineOptions& options) {
  return options.encode_threads != 0 ? options.encode_threads
                                     : std::max(1U, std::thread::hardware_concurrency());
}

uint64_t ShareOf(uint64_t bytes, double share) {
  return static_cast<uint64_t>(static_cast<double>(bytes) * share);
}

// With much memory, all of it but what others need.
uint64_t FilterBytesOf(uint64_t memory_bytes) {
  const uint64_t others = ShareOf(memory_bytes, kBlockCacheShare) + kFixedBytes;
  const uint64_t rest = memory_bytes > others ? memory_bytes - others : 0;
  return std::max(ShareOf(memory_bytes, kFilterShare), rest);
}

ConversionOptions ConversionOptionsOf(const CoreContext& context) {
  ConversionOptions options;
  options.window_ns = context.options.conversion_window_ms * kNsPerMs;
  options.wait_ns = context.options.conversion_wait_ms * kNsPerMs;
  options.dedup_window_ns = context.options.dedup_window_ms * kNsPerMs;
  options.clock = context.clock;
  options.expired = context.options.conversions_expired;
  return options;
}

Status LoadRetention(const Storage& storage, RetentionPositions* retention) {
  Result<std::string> stored = storage.Get(Family::kMeta, kMetaRetention);
  if (!stored.ok()) return stored.status().code() == Code::kNotFound ? Status::Ok() : stored.status();
  std::string_view in = *stored;
  int32_t raw = 0;
  int32_t minutes = 0;
  int32_t hours = 0;
  if (!GetFixed(&in, &raw) || !GetFixed(&in, &minutes) || !GetFixed(&in, &hours) || !in.empty()) {
    return Status::Corruption("the retention position is unreadable");
  }
  retention->raw = raw;
  retention->minutes = minutes;
  retention->hours = hours;
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<Core>> Core::Open(const CoreContext& context) {
  std::unique_ptr<Core> core(new Core(context));
  Status loaded = core->Load();
  if (!loaded.ok()) return loaded;
  core->upkeep_thread_ = std::thread([c = core.get()] { c->RunUpkeep(); });
  core->filter_thread_ = std::thread([c = core.get()] { c->RunFilterLoader(); });
  core->jobs_->Start();
  core->reconcile_ = std::make_unique<BackgroundReconcile>(core.get(), context.options.reconcile_interval_ms);
  return core;
}

Status Core::Load() {
  StorageOptions storage_options;
  storage_options.data_dir = context_.options.data_dir;
  storage_options.block_cache_bytes = ShareOf(context_.options.memory_bytes, kBlockCacheShare);
  storage_options.file_system = context_.file_system;
  storage_options.cut_damaged_log = context_.options.cut_damaged_log;
  auto live_filters = std::make_shared<LiveFilters>();
  storage_options.live_filters = live_filters;
  Result<std::unique_ptr<Storage>> storage = Storage::Open(storage_options, retention_);
  if (!storage.ok()) return storage.status();
  storage_ = std::move(*storage);
  Status status = LoadRetention(*storage_, retention_.get());
  if (!status.ok()) return status;
  filters_ = std::make_unique<FilterRegistry>(storage_.get(), live_filters);
  status = filters_->Load();
  if (!status.ok()) return status;
  events_ = std::make_unique<EventReader>(storage_.get(), &ads_);
  sessions_ = std::make_unique<SessionReader>(storage_.get(), events_.get(), &ads_);
  IdentityIndexOptions identity_options;
  identity_options.window_ns = context_.options.dedup_window_ms * kNsPerMs;
  identity_options.filter_bytes_max = FilterBytesOf(context_.options.memory_bytes);
  identities_ = std::make_unique<IdentityIndex>(
      storage_.get(), identity_options,
      [this](const Hash128& id, const IdentityPlace& place) { return events_->TimesOf(id, place); });
  counters_ = std::make_unique<CounterView>(storage_.get(), retention_);
  distinct_ = std::make_unique<DistinctView>(storage_.get(), retention_, context_.options.distinct);
  learned_ = std::make_unique<LearnedAds>(storage_.get());
  catalogue_ = std::make_unique<Catalogue>(storage_.get(), &ads_, learned_.get());
  joiner_ = std::make_unique<ConversionJoiner>(storage_.get(), &ads_, identities_.get(), events_.get(),
                                               ConversionOptionsOf(context_));
  repacker_ = std::make_unique<Repacker>(storage_.get(),
                                         static_cast<double>(context_.options.repack_quiet_ms) / 1000);
  LogState state;
  status = Recover(&state);
  if (!status.ok()) return status;
  Pipeline::Parts parts;
  parts.storage = storage_.get();
  parts.ads = &ads_;
  parts.identities = identities_.get();
  parts.counters = counters_.get();
  parts.distinct = distinct_.get();
  parts.learned = learned_.get();
  parts.joiner = joiner_.get();
  parts.figures = context_.figures;
  parts.filters = filters_->Active();
  pipeline_ = std::make_unique<Pipeline>(parts, state, EncodeThreads(context_.options), context_.on_failure);
  last_checkpoint_seconds_ = last_seal_seconds_ = last_repack_seconds_ = SteadySeconds();
  jobs_ = std::make_unique<JobBoard>(storage_.get(), context_.clock);
  filters_->Attach(pipeline_.get(), jobs_.get());
  AddFilterJob();
  return jobs_->Load();
}

void Core::AddFilterJob() {
  JobKind kind;
  kind.name = FilterRegistry::kJobKind;
  kind.run = [this](JobContext& context) {
    BackfillParts parts;
    parts.storage = storage_.get();
    parts.ads = &ads_;
    parts.filters = filters_.get();
    parts.retention = retention_.get();
    parts.wait_for_repacking = [this] { std::lock_guard lock(checkpoint_mutex_); };
    parts.ingest = [this](const DeltaSet& counted,
                          std::vector<std::pair<std::string, std::string>> positions) {
      return IngestAside(counted, std::move(positions));
    };
    parts.events = [this] { return pipeline_->state().events; };
    return FilterBackfill(std::move(parts), &context).Run();
  };
  kind.undo = [this](JobContext& context) {
    uint32_t id = 0;
    uint32_t number = 0;
    if (!FilterRegistry::ReadJobParameters(context.parameters(), &id, &number)) return Status::Ok();
    return filters_->TakeBack(id, number);
  };
  jobs_->AddKind(std::move(kind));
}

Status Core::Recover(LogState* state) {
  Result<std::string> stored = storage_->Get(Family::kMeta, kMetaLogState);
  if (stored.ok()) {
    if (!state->Decode(*stored)) return Status::Corruption("the log state is unreadable");
  } else if (stored.status().code() != Code::kNotFound) {
    return stored.status();
  }
  Status status = ads_.Load(*storage_, state->ads);
  if (status.ok() && storage_->format_version() < kFormatOfIdentities)
    status = RebuildIdentities(storage_.get(), ads_, state->last_sequence);
  if (status.ok()) status = storage_->FinishUpgrade();
  if (status.ok()) status = identities_->Load();
  if (status.ok()) status = counters_->Load();
  if (status.ok()) status = distinct_->Load(*state);
  if (status.ok()) status = learned_->Load();
  if (status.ok()) status = CheckPositions(*state);
  if (status.ok()) {
    const int64_t window_ns = context_.options.dedup_window_ms * kNsPerMs;
    status = NoteDedupWindow(storage_.get(), window_ns, state->last_sequence == 0);
  }
  // Fresh, or of a version that did not learn of ads.
  if (status.ok() && !learned_->covered_sequence())
    status = ReplayEverything(*storage_, ads_, learned_.get());
  if (status.ok()) status = Replay(*state);
  if (status.ok()) status = catalogue_->Load();
  if (status.ok()) status = joiner_->Load();
  return status;
}

Status Core::CheckPositions(const LogState& state) const {
  for (uint64_t covered : {counters_->covered_sequence(), identities_->covered_sequence(),
                           distinct_->covered_sequence(), learned_->covered_sequence().value_or(0)}) {
    if (covered > state.last_sequence) {
      return Status::Corruption("the log ends at " + std::to_string(state.last_sequence) +
                                ", before position " + std::to_string(covered) +
                                " that a checkpoint covers; restore from a backup");
    }
  }
  return Status::Ok();
}

Status Core::Replay(const LogState& state) {
  uint64_t expected = PassedSequence() + 1;
  const uint64_t blocks = state.last_sequence + 1 - expected;
  if (blocks > 0) spdlog::info("replaying {} raw blocks", blocks);
  rocksdb::ReadOptions read;
  read.readahead_size = 4 << 20;
  read.fill_cache = false;
  const std::shared_ptr<const FilterSet> filters = filters_->Active();
  std::unique_ptr<rocksdb::Iterator> it(storage_->db()->NewIterator(read, storage_->handle(Family::kRaw)));
  for (it->Seek(RawKey{expected}.Encode()); it->Valid(); it->Next(), ++expected) {
    RawKey key;
    if (!RawKey::Decode(ToView(it->key()), &key) || key.sequence != expected) break;
    Status replayed = ReplayBlock(key.sequence, ToView(it->value()), *filters);
    if (!replayed.ok()) return replayed.WithContext("raw block " + std::to_string(key.sequence));
  }
  if (!it->status().ok()) return FromRocks(it->status(), "replay the log");
  if (expected != state.last_sequence + 1) {
    return Status::Corruption("raw block " + std::to_string(expected) + " of the log is missing");
  }
  return Status::Ok();
}

Status Core::ReplayBlock(uint64_t sequence, std::string_view block, const FilterSet& filters) {
  if (sequence > counters_->covered_sequence()) {
    Status counted = counters_->Replay(sequence, block, filters, ads_);
    if (!counted.ok()) return counted;
  }
  if (sequence > distinct_->passed_sequence()) {
    Status counted = distinct_->Replay(block);
    if (!counted.ok()) return counted;
  }
  if (sequence > learned_->covered_sequence().value_or(UINT64_MAX)) {
    Status learned = learned_->Replay(block, ads_);
    if (!learned.ok()) return learned;
  }
  if (sequence <= identities_->covered_sequence()) return Status::Ok();
  EventChunk chunk;
  std::vector<uint32_t> ads;
  Status decoded = ReadBlock(block, ads_, nullptr, &chunk, &ads);
  if (!decoded.ok()) return decoded;
  {
    auto lock = identities_->Lock();
    for (size_t i = 0; i < chunk.events.size(); ++i) identities_->Replay(chunk.events[i], ads[i], sequence);
    if (!identities_->LiveIsFull(IdentityGeneration::kEntriesMax / 2)) return Status::Ok();
    identities_->SwitchGeneration();
  }
  return WriteCheckpoint(true, sequence);
}

// Every view has passed this position: blocks up to it are never replayed. Without a position for
// what is learned of ads all blocks are looked at, wherever they are.
uint64_t Core::PassedSequence() const {
  return std::min({counters_->covered_sequence(), identities_->covered_sequence(),
                   distinct_->passed_sequence(), learned_->covered_sequence().value_or(UINT64_MAX)});
}

Core::~Core() { Abandon(); }

// Jobs first: they ask for checkpoints.
void Core::StopThreads() {
  if (jobs_) jobs_->Stop();
  if (reconcile_) reconcile_->Stop();
  {
    std::lock_guard lock(upkeep_mutex_);
    stopping_ = true;
    upkeep_wake_.notify_all();
  }
  if (upkeep_thread_.joinable()) upkeep_thread_.join();
  if (filter_thread_.joinable()) filter_thread_.join();
}

void Core::Abandon() {
  StopThreads();
  if (pipeline_) pipeline_->Stop();
}

Status Core::Close() {
  StopThreads();
  pipeline_->Drain();
  Status status = Checkpoint(true);
  pipeline_->Stop();
  // So that the next start finds no RocksDB log to read.
  return status.ok() ? FlushEverything() : status;
}

Status Core::Repack(bool all) {
  std::unique_lock lock(checkpoint_mutex_);
  if (all) raw_unpinned_.wait(lock, [this] { return raw_pins_ == 0; });
  if (raw_pins_ > 0) return Status::Ok();  // later
  // A job that reads raw must find every block once.
  if (filters_->HoldsRaw()) return Status::Ok();
  return repacker_->Run(PassedSequence(), all, stopping_);
}

Status Core::CompleteDistinct() {
  std::lock_guard lock(checkpoint_mutex_);
  bool more = false;
  return distinct_->CompleteStep(*events_, &more);
}

void Core::RunFilterLoader() {
  NameThisThread("filter-loader");
  std::unique_lock lock(upkeep_mutex_);
  while (!stopping_) {
    lock.unlock();
    for (int32_t day : identities_->DaysToLoad()) {
      Status loaded = identities_->LoadFilter(day);
      if (!loaded.ok()) spdlog::error("cannot load the identity filter of day {}: {}", day, loaded.message());
    }
    lock.lock();
    upkeep_wake_.wait_for(lock, std::chrono::duration<double>(kFilterPollSeconds),
                          [this] { return stopping_.load(); });
  }
}

void Core::RunUpkeep() {
  NameThisThread("upkeep");
  std::unique_lock lock(upkeep_mutex_);
  while (!stopping_) {
    lock.unlock();
    UpkeepStep();
    lock.lock();
    upkeep_wake_.wait_for(lock, std::chrono::duration<double>(kUpkeepPollSeconds),
                          [this] { return stopping_.load(); });
  }
}

// Identities fill their memory sooner than counts do: a seal for itself, and counts when there are
// enough of them, since each checkpoint of theirs writes rows that compaction has to fold.
Core::Scope Core::DueScope() {
  const uint64_t covered = covered_events_;  // first: events only grow
  const uint64_t waiting = pipeline_->state().events - covered;
  const double now = SteadySeconds();
  const EngineOptions& options = context_.options;
  auto passed = [now](double since, int64_t interval_ms) {
    return now - since >= static_cast<double>(interval_ms) / 1000;
  };
  const uint64_t in_memory = identities_->figures().in_memory;
  Scope due;
  due.seal = in_memory >= options.seal_identities ||
             (in_memory > 0 && passed(last_seal_seconds_, options.seal_interval_ms));
  due.counts = waiting > 0 && (distinct_->live_bytes() >= kPeopleBytes || counters_->live_rows() >= kRows ||
                               waiting >= options.checkpoint_events ||
                               passed(last_checkpoint_seconds_, options.checkpoint_interval_ms));
  return due;
}

void Core::UpkeepStep() {
  Status status;
  if (const Scope due = DueScope(); due.counts || due.seal) status = Checkpoint(due);
  const int64_t now_ns = context_.clock->NowNs();
  ExpireWaiting(now_ns);
  if (status.ok()) status = Expire(now_ns);
  if (status.ok()) status = counters_->AdvanceWindow(MinuteOf(now_ns) + 1, ads_);
  if (status.ok() && distinct_->complete_from() != INT32_MIN) status = CompleteDistinct();
  if (status.ok()) status = FlushWhenQuiet();
  const double repack_poll_seconds =
      std::min(kRepackPollSecondsMax, static_cast<double>(context_.options.repack_quiet_ms) / 1000);
  if (status.ok() && SteadySeconds() - last_repack_seconds_ > repack_poll_seconds) {
    last_repack_seconds_ = SteadySeconds();
    status = Repack(false);
  }
  if (SteadySeconds() - last_trim_seconds_ > kTrimSeconds) {
    last_trim_seconds_ = SteadySeconds();
    LargePool::OfProcess().Trim();
  }
  if (!status.ok() && status.code() != Code::kUnavailable) context_.on_failure(status);
}

// Once checkpoints cover all there is and nothing comes, RocksDB's log is a second copy of the newest
// blocks that the next start would read for nothing.
Status Core::FlushWhenQuiet() {
  if (pipeline_->state().events != covered_events_) return Status::Ok();
  uint64_t unflushed = 0;
  storage_->db()->GetIntProperty(storage_->handle(Family::kRaw),
                                 rocksdb::DB::Properties::kCurSizeActiveMemTable, &unflushed);
  return unflushed >= kQuietFlushBytes ? FlushEverything() : Status::Ok();
}

// Through the sequencer, since a click may come for them at this very moment.
void Core::ExpireWaiting(int64_t now_ns) {
  const int64_t wait_ns = context_.options.conversion_wait_ms * kNsPerMs;
  const int64_t oldest_ns = joiner_->figures().oldest_arrival_ns.load();
  if (oldest_ns > now_ns - wait_ns || expiry_under_way_.exchange(true)) return;
  AppendRequest request;
  request.chunk = std::make_shared<const EventChunk>();
  request.expire_at_ns = now_ns;
  request.done = [this](const Status&, std::span<const SegmentTally>) { expiry_under_way_ = false; };
  pipeline_->Append(std::move(request));
}

// Whether counts were frozen.
Result<bool> Core::FreezeAtMark(Scope scope, uint64_t* sequence) {
  std::promise<Result<bool>> reached;
  Pipeline::Mark mark;
  mark.switch_generation = scope.seal;
  mark.at_mark = [&] {
    *sequence = pipeline_->state().last_sequence;
    if (!scope.counts) return reached.set_value(false);
    covered_events_ = pipeline_->state().events;
    const bool counters = counters_->Freeze(*sequence);
    const bool people = distinct_->Freeze(*sequence);
    reached.set_value(counters || people);
  };
  mark.abandoned = [&](const Status& status) { reached.set_value(status); };
  std::future<Result<bool>> result = reached.get_future();
  pipeline_->Send(std::move(mark));
  return result.get();
}

Status Core::Checkpoint(Scope scope) {
  std::lock_guard lock(checkpoint_mutex_);
  if (checkpoint_failed_)
    return Status::Unavailable("a checkpoint has failed; memory is rebuilt from the log");
  const double begin = SteadySeconds();
  uint64_t sequence = 0;
  Result<bool> frozen = FreezeAtMark(scope, &sequence);
  if (!frozen.ok()) return frozen.status();
  const bool has_seal = scope.seal && sequence > identities_->covered_sequence();
  const bool learned = sequence > 0 && learned_->covered_sequence() != sequence;
  Status status = *frozen || has_seal || learned ? WriteCheckpoint(scope.seal, sequence) : Status::Ok();
  if (!status.ok()) {
    // What was frozen is in no file, and another checkpoint would claim to cover it.
    checkpoint_failed_ = true;
    context_.on_failure(status);
  }
  if (scope.seal && !has_seal && status.ok()) identities_->DropEmptyFrozen();
  const double end = SteadySeconds();
  if (scope.counts) last_checkpoint_seconds_ = end;
  if (scope.seal) last_seal_seconds_ = end;
  if (!*frozen && !has_seal) return status;
  upkeep_.checkpoints.fetch_add(1);
  upkeep_.checkpoint_seconds.fetch_add(end - begin);
  return status;
}

}  // namespace tallymark
