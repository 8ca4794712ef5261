#ifndef TALLYMARK_ENGINE_ENGINE_STATS_H_
#define TALLYMARK_ENGINE_ENGINE_STATS_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>

namespace tallymark {

// A histogram snapshot: counts per bucket (not cumulative) with the upper bounds in seconds or in
// events; the last bucket has no bound.
struct HistogramSnapshot {
  static constexpr int kBuckets = 24;
  std::array<double, kBuckets - 1> upper_bounds{};
  std::array<uint64_t, kBuckets> counts{};
  double sum = 0;
  uint64_t count = 0;
};

// A moment's figures of an engine; what /metrics and /v1/status show. Counters begin at 0 when the
// engine opens unless they say otherwise.
struct EngineStats {
  // Since the directory was created: they survive restarts.
  uint64_t events_stored = 0;

  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t conflicts = 0;  // duplicates whose time or attributes differed from the first
  uint64_t ads = 0;        // distinct ad ids ever seen

  uint64_t waiting_conversions = 0;  // accepted, and waiting for their clicks
  uint64_t joined_conversions = 0;   // to their clicks
  uint64_t expired_conversions = 0;  // that no click came for in time

  uint64_t pending_chunks = 0;  // appended, not yet answered
  uint64_t pending_bytes = 0;
  uint64_t batches = 0;
  uint64_t raw_blocks = 0;
  HistogramSnapshot batch_events;      // events per committed batch
  HistogramSnapshot commit_seconds;    // sequenced to durable
  HistogramSnapshot fsync_seconds;     // the RocksDB write with its sync
  HistogramSnapshot append_seconds;    // Append to AppendDone
  HistogramSnapshot lateness_seconds;  // newest event time when an event was sequenced, less its own

  uint64_t last_sequence = 0;                      // of the log
  std::map<std::string, uint64_t> view_positions;  // view name -> sequence its checkpoint covers
  uint64_t checkpoints = 0;
  double checkpoint_seconds_total = 0;
  uint64_t repacked_blocks = 0;

  // Duplicate detection.
  uint64_t identities_in_memory = 0;  // not yet sealed
  uint64_t identity_segments = 0;     // on disk
  uint64_t identity_filter_bytes = 0;
  uint64_t identity_disk_lookups = 0;   // probes of a segment
  uint64_t identity_false_probes = 0;   // probes that found nothing
  bool identity_filters_loaded = true;  // false while they are read after a restart

  uint64_t delta_rows = 0;  // counter rows in memory
  uint64_t delta_bytes = 0;
  uint64_t distinct_delta_bytes = 0;  // users and addresses in memory
  uint64_t idle_page_bytes = 0;       // huge pages of this process kept for whoever asks next

  // Retention positions, hours since the epoch; INT32_MIN when nothing was taken.
  int32_t raw_kept_from_hour = INT32_MIN;
  int32_t minutes_kept_from_hour = INT32_MIN;
  int32_t hours_kept_from_hour = INT32_MIN;

  // Recounts, on demand and in the background.
  uint64_t reconcile_rows_checked = 0;
  uint64_t reconcile_mismatches = 0;        // amounts that differed, each time they were seen
  uint64_t reconcile_rounds = 0;            // ended, in the background
  uint64_t reconcile_round_mismatches = 0;  // of the last of them
  uint64_t recomputed_hours = 0;

  uint64_t disk_bytes = 0;  // live files of the data directory
  uint64_t disk_free_bytes = 0;
  bool writable = true;
  // RocksDB's own figures by their property or ticker name, e.g. "rocksdb.bytes.written".
  std::map<std::string, uint64_t> rocksdb;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_ENGINE_STATS_H_
