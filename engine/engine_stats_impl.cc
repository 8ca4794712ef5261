// EngineImpl::Stats.

#include <filesystem>

#include "engine/engine_impl.h"
#include "engine/large_pool.h"
#include "engine/meta_keys.h"

namespace tallymark {
namespace {

constexpr std::array<const char*, 9> kSummedProperties = {
    "rocksdb.estimate-pending-compaction-bytes",
    "rocksdb.mem-table-flush-pending",
    "rocksdb.compaction-pending",
    "rocksdb.cur-size-all-mem-tables",
    "rocksdb.live-sst-files-size",
    "rocksdb.total-sst-files-size",
    "rocksdb.estimate-table-readers-mem",
    "rocksdb.num-immutable-mem-table",
    "rocksdb.estimate-num-keys",
};
constexpr std::array<const char*, 5> kDatabaseProperties = {
    "rocksdb.num-running-compactions", "rocksdb.num-running-flushes", "rocksdb.background-errors",
    "rocksdb.actual-delayed-write-rate", "rocksdb.is-write-stopped"};
constexpr std::array<std::pair<const char*, uint32_t>, 9> kTickers = {{
    {"rocksdb.bytes.written", rocksdb::BYTES_WRITTEN},
    {"rocksdb.wal.bytes", rocksdb::WAL_FILE_BYTES},
    {"rocksdb.wal.synced", rocksdb::WAL_FILE_SYNCED},
    {"rocksdb.flush.write.bytes", rocksdb::FLUSH_WRITE_BYTES},
    {"rocksdb.compact.read.bytes", rocksdb::COMPACT_READ_BYTES},
    {"rocksdb.compact.write.bytes", rocksdb::COMPACT_WRITE_BYTES},
    {"rocksdb.stall.micros", rocksdb::STALL_MICROS},
    {"rocksdb.block.cache.hit", rocksdb::BLOCK_CACHE_HIT},
    {"rocksdb.block.cache.miss", rocksdb::BLOCK_CACHE_MISS},
}};

void FillRocks(const Storage& storage, std::map<std::string, uint64_t>* out) {
  for (const char* name : kSummedProperties) {
    uint64_t sum = 0;
    for (int i = 0; i < kFamilyCount; ++i) {
      uint64_t value = 0;
      if (storage.db()->GetIntProperty(storage.handle(static_cast<Family>(i)), name, &value)) sum += value;
    }
    (*out)[name] = sum;
  }
  for (const char* name : kDatabaseProperties) {
    uint64_t value = 0;
    if (storage.db()->GetIntProperty(name, &value)) (*out)[name] = value;
  }
  for (const auto& [name, ticker] : kTickers) (*out)[name] = storage.statistics()->getTickerCount(ticker);
}

uint64_t DirectoryBytes(const std::string& path) {
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(path, error), end; it != end; it.increment(error)) {
    if (error) break;
    std::error_code gone;  // files come and go while we look
    uint64_t size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace

void EngineImpl::FillCoreStats(const Core& core, EngineStats* stats) const {
  const LogState state = core.pipeline().state();
  stats->events_stored = state.events;
  stats->ads = state.ads;
  stats->last_sequence = state.last_sequence;
  stats->view_positions[std::string(kPositionCounters)] = core.counters().covered_sequence();
  stats->view_positions[std::string(kPositionIdentities)] = core.identities().manifest().covered_sequence;
  if (core.distinct().enabled())
    stats->view_positions[std::string(kPositionDistinct)] = core.distinct().covered_sequence();
  if (std::optional<uint64_t> covered = core.learned().covered_sequence())
    stats->view_positions[std::string(kPositionAdOwners)] = *covered;
  stats->waiting_conversions = core.joiner().figures().waiting.load();
  stats->joined_conversions = core.joiner().figures().joined.load();
  stats->expired_conversions = core.joiner().figures().expired.load();
  stats->checkpoints = core.upkeep().checkpoints.load();
  stats->checkpoint_seconds_total = core.upkeep().checkpoint_seconds.load();
  stats->repacked_blocks = core.repacked_blocks();
  const IdentityIndex::Figures identities = core.identities().figures();
  stats->identities_in_memory = identities.in_memory;
  stats->identity_segments = identities.segments;
  stats->identity_filter_bytes = identities.filter_bytes;
  stats->identity_disk_lookups = identities.disk_lookups;
  stats->identity_false_probes = identities.false_probes;
  stats->identity_filters_loaded = identities.loaded;
  stats->delta_rows = core.counters().delta_rows();
  stats->delta_bytes = core.counters().delta_bytes();
  stats->distinct_delta_bytes = core.distinct().delta_bytes();
  stats->idle_page_bytes = LargePool::OfProcess().idle_bytes();
  stats->raw_kept_from_hour = core.retention().raw.load();
  stats->minutes_kept_from_hour = core.retention().minutes.load();
  stats->hours_kept_from_hour = core.retention().hours.load();
  FillRocks(core.storage(), &stats->rocksdb);
}

EngineStats EngineImpl::Stats() const {
  EngineStats stats;
  stats.accepted = figures_.accepted.load();
  stats.duplicates = figures_.duplicates.load();
  stats.conflicts = figures_.conflicts.load();
  stats.pending_chunks = figures_.pending_chunks.load();
  stats.pending_bytes = figures_.pending_bytes.load();
  stats.batches = figures_.batches.load();
  stats.raw_blocks = figures_.raw_blocks.load();
  stats.batch_events = figures_.batch_events.Snapshot();
  stats.commit_seconds = figures_.commit_seconds.Snapshot();
  stats.fsync_seconds = figures_.fsync_seconds.Snapshot();
  stats.append_seconds = figures_.append_seconds.Snapshot();
  stats.lateness_seconds = figures_.lateness_seconds.Snapshot();
  stats.reconcile_rows_checked = recounts_.rows_checked.load();
  stats.reconcile_mismatches = recounts_.mismatches.load();
  stats.reconcile_rounds = recounts_.rounds.load();
  stats.reconcile_round_mismatches = recounts_.round_mismatches.load();
  stats.recomputed_hours = recounts_.recomputed_hours.load();
  stats.writable = WriteHealth().ok();
  stats.disk_bytes = DirectoryBytes(options_.data_dir);
  std::error_code error;
  std::filesystem::space_info space = std::filesystem::space(options_.data_dir, error);
  if (!error) stats.disk_free_bytes = space.available;
  Result<std::shared_ptr<Core>> core = this->core();
  if (core.ok()) FillCoreStats(**core, &stats);
  return stats;
}

}  // namespace tallymark
