#ifndef TALLYMARK_SERVER_QUERY_ARGS_H_
#define TALLYMARK_SERVER_QUERY_ARGS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "format/hour_row.h"
#include "format/status.h"
#include "server/request_target.h"

namespace tallymark {

// What the query endpoints take, read and checked (SPEC section 7). Pure functions of the parameters
// and the clock; every failure is kInvalid with the parameter's name in the message.

inline constexpr int32_t kMaxSeriesPoints = 11'000;
inline constexpr int32_t kMaxStepMinutes = 30 * 24 * 60;
inline constexpr int32_t kMaxTopWindowMinutes = 7 * 24 * 60;
inline constexpr size_t kMaxTopCount = 10'000;
inline constexpr size_t kMaxEventsPage = 10'000;
inline constexpr size_t kMaxSessionsPage = 10'000;
inline constexpr int64_t kMaxSessionGapMs = 7 * kMsPerDay;
inline constexpr size_t kMaxCursorBytes = 1024;

// GET /v1/ads/{ad_id}/aggregated_cnt
struct CountArgs {
  MinuteRange range;
  uint32_t filter = 0;
  Metric metric = Metric::kClicks;
};
Result<CountArgs> ReadCountArgs(const QueryParams& params, int64_t now_ns);

// GET /v1/ads/popular_ads
struct TopArgs {
  MinuteRange range;
  uint32_t filter = 0;
  Metric metric = Metric::kClicks;
  size_t count = 100;
};
Result<TopArgs> ReadTopArgs(const QueryParams& params, int64_t now_ns);

// GET /v1/ads/{ad_id}/series
struct SeriesArgs {
  MinuteRange range;  // whole steps, aligned to the epoch
  int32_t step_minutes = 1;
  int32_t window_minutes = 0;  // 0: none was asked for
  uint32_t filter = 0;
  std::vector<Metric> metrics;  // as they were named
};
Result<SeriesArgs> ReadSeriesArgs(const QueryParams& params, int64_t now_ns);

// GET /v1/ads/{ad_id}/metrics, and the same of campaigns and advertisers
struct MetricsArgs {
  MinuteRange range;  // whole steps, aligned to the epoch
  int32_t step_minutes = 60;
};
Result<MetricsArgs> ReadMetricsArgs(const QueryParams& params, int64_t now_ns);

// GET /v1/campaigns/{id}/top_banners: whole minutes
Result<MinuteRange> ReadRangeArgs(const QueryParams& params, int64_t now_ns);

// GET /v1/ads/{ad_id}/events
struct EventsArgs {
  int64_t from_ns = 0;
  int64_t to_ns = 0;
  size_t limit = 1'000;
  std::string cursor;
};
Result<EventsArgs> ReadEventsArgs(const QueryParams& params, int64_t now_ns);

// GET /v1/ads/{ad_id}/sessions. A page has 1,000 sessions at most unless `limit` says otherwise.
Result<SessionQuery> ReadSessionArgs(const QueryParams& params, int64_t now_ns);

// Nanoseconds per unit of a write request's timestamps: "ns", "us", "ms", "s" for both versions of
// the API, and "n", "u", "m", "h" for the first. Absent: nanoseconds.
Result<int64_t> ReadPrecision(const QueryParams& params, bool version_one);

// An ad id as a path has it: 1..128 bytes of UTF-8.
Status CheckAdId(std::string_view ad_id);
// The same of another id, which an error calls `name`.
Status CheckId(std::string_view name, std::string_view id);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_QUERY_ARGS_H_
