#ifndef TALLYMARK_ENGINE_RECOUNT_REPORT_H_
#define TALLYMARK_ENGINE_RECOUNT_REPORT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "format/hour_row.h"
#include "format/status.h"

namespace tallymark {

// A counter that is stored otherwise than raw says.
struct ReconcileMismatch {
  std::string ad_id;      // empty: of no known ad
  int64_t bucket_ms = 0;  // start of the minute or hour
  bool is_hour = false;
  uint32_t filter_id = 0;
  Metric metric = Metric::kImpressions;
  bool in_top_lists = false;  // else in the counter rows
  bool readable = true;       // false: the bytes stored are no row; `counted` is 0
  __int128 counted = 0;
  __int128 raw = 0;
};

struct ReconcileReport {
  uint64_t rows_checked = 0;
  uint64_t mismatch_count = 0;                // all of them
  std::vector<ReconcileMismatch> mismatches;  // the first kListedMax
  // Where raw is whole from, when the range begins before: what lies before was not checked.
  std::optional<int64_t> complete_from_ms;

  static constexpr size_t kListedMax = 1'000;
};

struct RecomputeReport {
  uint64_t hours = 0;                       // replaced
  uint64_t rows_written = 0;                // of counters
  uint64_t rows_removed = 0;                // of which raw knows nothing
  std::optional<int64_t> complete_from_ms;  // as above: what lies before is as it was
};

// How a recount is watched and slowed down. Functions may be null; they are called on the thread
// that recounts.
struct RecountControl {
  std::function<bool()> should_stop;           // true: give up with kUnavailable
  std::function<void(double share)> progress;  // 0..1
  // Of a recompute, after each hour that it has replaced; a failure ends it.
  std::function<Status(int64_t done_to_ms, const RecomputeReport& so_far)> hour_is_done;
  double time_share = 1;  // of one processor; below 1 the recount sleeps in between
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_RECOUNT_REPORT_H_
