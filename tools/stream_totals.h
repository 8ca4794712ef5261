#ifndef TALLYMARK_TOOLS_STREAM_TOTALS_H_
#define TALLYMARK_TOOLS_STREAM_TOTALS_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "format/hour_row.h"
#include "tools/stream_generator.h"

namespace tallymark {

// A number for a cell of the counters (filter 0), so that all of them can be compared by one sum:
// the sum of amount * CellWeight over all cells, modulo 2^64, does not depend on any order, needs
// no memory, and differs, but for one chance in 2^64, when any cell differs.
uint64_t CellWeight(std::string_view ad_id, int32_t minute, Metric metric);

// What a server must say of a stretch of lines when it knew none of its events before.
struct StreamTotals {
  uint64_t fresh = 0;       // = accepted
  uint64_t duplicates = 0;  // of a line anywhere before, also before the stretch
  uint64_t bad = 0;         // = rejected
  MetricSums sums;
  uint64_t checksum = 0;            // see CellWeight
  std::vector<MetricSums> watched;  // of the ads asked for, in their order
};

// Counts lines [first, end) by making them again. About as slow as writing them.
StreamTotals CountStream(const StreamGenerator& stream, uint64_t first, uint64_t end,
                         std::span<const uint64_t> watched_ads = {});

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_STREAM_TOTALS_H_
