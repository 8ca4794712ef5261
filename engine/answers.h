#ifndef TALLYMARK_ENGINE_ANSWERS_H_
#define TALLYMARK_ENGINE_ANSWERS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "format/distinct_set.h"
#include "format/event_chunk.h"
#include "format/hour_row.h"
#include "format/time_units.h"

namespace tallymark {

// What the engine's questions are asked with and answered by; what they mean stands with them in
// engine.h.

// One raw record as queries and tools see it.
struct RawEvent {
  EventKind kind = EventKind::kClick;
  int64_t time_ns = 0;
  std::vector<std::pair<std::string, std::string>>
      attributes;  // ad_id first, then Field order, then extras by name
  std::optional<int64_t> revenue_micros;
  // Of a conversion that was joined to its click: names of the attributes that it took from there.
  std::vector<std::string> inherited;
};

// Event times in nanoseconds, both inclusive, that are taken at this moment.
struct AcceptedTimes {
  int64_t oldest_ns = 0;
  int64_t newest_ns = 0;
};

// Half open in minutes since the epoch.
struct MinuteRange {
  int32_t begin = 0;
  int32_t end = 0;
};

struct TopList {
  std::vector<std::string> ad_ids;  // most first; ties: smaller ad_id bytewise first
  std::vector<int64_t> amounts;
};

// What happened in one step of time.
struct MetricPoint {
  MetricSums sums;
  // Distinct users and addresses over all kinds of events; absent where they are not known: for
  // steps that are not whole hours, and where some of the time lies before distinct_from_ms.
  std::optional<DistinctCount> users;
  std::optional<DistinctCount> ips;
};

struct MetricSeries {
  std::vector<MetricPoint> points;
  // Distinct counts are complete from here on, epoch milliseconds; absent: they are not counted at
  // all. INT64_MIN: always.
  std::optional<int64_t> distinct_from_ms;
};

struct EventPage {
  std::vector<RawEvent> events;  // by (time, kind, identity)
  std::optional<std::string>
      cursor;                 // opaque; pass it to get the next page; absent when the range is through
  int64_t scanned_to_ns = 0;  // everything before this time (and up to the cursor) has been looked at
};

// A run of clicks of one key, of which none is more than the gap later than the one before it.
struct Session {
  std::string key;       // the attribute's value
  int64_t start_ns = 0;  // of the first click
  int64_t end_ns = 0;    // of the last click
  uint64_t clicks = 0;
};

struct SessionQuery {
  int64_t from_ns = 0;  // half open; clicks outside are not looked at, so sessions end at its ends
  int64_t to_ns = 0;
  int64_t gap_ns = 30 * kNsPerMinute;  // 1 ms..7 d
  std::string by = "user_id";          // the attribute; clicks without it belong to no session
  size_t limit = 1'000;                // 1..10,000
  std::string cursor;                  // of the page before, for the same query; empty: the first page
};

struct SessionPage {
  std::vector<Session> sessions;      // by start; ties in an order of their own that never changes
  std::optional<std::string> cursor;  // as EventPage's; a page with one may be empty
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_ANSWERS_H_
