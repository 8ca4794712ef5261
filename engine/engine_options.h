#ifndef TALLYMARK_ENGINE_ENGINE_OPTIONS_H_
#define TALLYMARK_ENGINE_ENGINE_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "engine/answers.h"
#include "engine/clock.h"
#include "format/time_units.h"

namespace tallymark {

struct EngineOptions {
  // Directory of everything the engine keeps. Created when absent. One process at a time.
  std::string data_dir = "./tallymark-data";
  // Opens a directory whose log (RocksDB's) is damaged without what stands at and behind the damage,
  // acknowledged events among it. Off, it is refused with kCorruption.
  bool cut_damaged_log = false;
  // Two arrivals of one identity whose event times lie at most this far apart are one event.
  // Longer windows make every look-up ask more days.
  int64_t dedup_window_ms = kMsPerDay;
  // The watermark trails the newest event by this much. It only informs.
  int64_t allowed_lateness_ms = 2 * kMsPerMinute;
  // Events further ahead of the clock are rejected (by whoever parses, see AcceptedTimes).
  int64_t max_future_ms = 10 * kMsPerMinute;
  // A conversion without an ad takes it from the click it names when their event times lie at most
  // this far apart. Longer windows make the look-up ask more days.
  int64_t conversion_window_ms = 90 * kMsPerDay;
  // How long, by the clock, a conversion waits for its click. Each takes about 250 bytes of memory.
  int64_t conversion_wait_ms = 90 * kMsPerDay;
  // Called with conversions that have waited too long, from an engine thread, before they are
  // forgotten. True: they are kept elsewhere, durably; false: they wait on, and come again. After a
  // crash perhaps once more. May be empty.
  std::function<bool(std::span<const RawEvent>)> conversions_expired;
  // How long raw records, minute cells and hour rows are kept, by the clock; 0 keeps for ever.
  int64_t retain_raw_ms = 0;
  int64_t retain_minutes_ms = 0;
  int64_t retain_hours_ms = 0;
  // Whether distinct users and addresses are counted. Off saves their cost; on again, raw is counted
  // in the background, and hours not known until then are told (MetricSeries::distinct_from_ms).
  bool distinct = true;
  // Bound of the engine's own memory: block cache, write buffers, deltas, identity filters. Past
  // it, look-ups of identities go to disk and get slower, never wrong.
  uint64_t memory_bytes = 4ULL << 30;
  // Threads that encode blocks; 0 takes the number of processors.
  unsigned encode_threads = 0;
  // Counters and people are checkpointed when this many events wait for it, when they fill their memory, or
  // after the interval. A restart counts again what a crash left uncovered.
  uint64_t checkpoint_events = 32'000'000;
  int64_t checkpoint_interval_ms = 30'000;
  // People in memory from which a checkpoint writes them on a second thread, beside counters: those of more
  // than two million events. Smaller ones, of a steady stream, leave other processors to whoever waits for
  // answers.
  uint64_t people_beside_bytes = 64ULL << 20;
  // Identities held in memory before they are sealed into segments, and the longest wait.
  uint64_t seal_identities = 8'000'000;
  int64_t seal_interval_ms = 10 * kMsPerMinute;
  // Hours without arrivals for this long have their small raw blocks repacked.
  int64_t repack_quiet_ms = 2 * kMsPerMinute;
  // Past hours are counted again in the background and compared with the counters: so long after a
  // round ends the next begins. 0: never. A round takes 5 % of one processor.
  int64_t reconcile_interval_ms = kMsPerDay;
  // Below this much free space on the disk of data_dir writes stop (kUnavailable); reads go on.
  uint64_t free_space_floor_bytes = 1ULL << 30;
  // Not owned, must outlive the engine; null is Clock::System().
  const Clock* clock = nullptr;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_ENGINE_OPTIONS_H_
