#ifndef TALLYMARK_FORMAT_HOUR_ROW_H_
#define TALLYMARK_FORMAT_HOUR_ROW_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/status.h"

namespace tallymark {

// What is counted. The numbers are stored in hour rows, top chunks and keys: never renumber.
enum class Metric : uint8_t { kImpressions = 0, kClicks = 1, kConversions = 2, kRevenue = 3 };
inline constexpr int kMetricCount = 4;
std::string_view MetricName(Metric metric);  // "impressions", "clicks", "conversions", "revenue"

// Sums of one bucket. 128 bits so that no order of additions can overflow on the way; whoever
// shows a value checks that it fits 64 bits (FitsInt64) and reports an overflow as an error.
struct MetricSums {
  std::array<__int128, kMetricCount> value{};

  __int128 operator[](Metric m) const { return value[static_cast<size_t>(m)]; }
  __int128& operator[](Metric m) { return value[static_cast<size_t>(m)]; }
  void Add(const MetricSums& other) {
    // Unsigned, so that damaged bytes cannot make it undefined; real sums stay far below 2^127.
    using Wide = unsigned __int128;
    for (int i = 0; i < kMetricCount; ++i) {
      value[i] = static_cast<__int128>(static_cast<Wide>(value[i]) + static_cast<Wide>(other.value[i]));
    }
  }
  bool IsZero() const { return value == std::array<__int128, kMetricCount>{}; }
  friend bool operator==(const MetricSums&, const MetricSums&) = default;
};
bool FitsInt64(__int128 v);

struct MinuteCell {
  uint8_t minute = 0;  // 0..59 within the hour
  MetricSums sums;
};

// The counters of one (ad, filter, hour): totals of the hour, then a cell per minute in which
// something happened, ascending. Totals do not derive from the cells: once minutes are stripped
// they stand alone.
struct HourRow {
  MetricSums totals;
  std::vector<MinuteCell> cells;
};

// Appends the row's bytes (layout in hour_row.md). The stored row and a merge operand are the same
// format. Zero cells are left out. Deterministic.
void EncodeHourRow(const HourRow& row, std::string* out);

// Replaces *row. Corruption when the bytes are no hour row, a damaged envelope included.
Status DecodeHourRow(std::string_view bytes, HourRow* row);

// The sum of the operands (one or more), in any order, appended to *out. Associative and
// commutative. Never fails, since RocksDB gives a failing merge no way out: operands that are no
// hour rows are kept, verbatim, in an error envelope that DecodeHourRow reports as Corruption and
// later merges carry on.
void MergeHourRows(std::span<const std::string_view> operands, std::string* out);

// What an error envelope holds: the sum of the operands that were rows and, as views into `bytes`,
// the others, sorted. Invalid when the bytes are no envelope. For whoever verifies or repairs.
Status ReadHourRowEnvelope(std::string_view bytes, HourRow* good, std::vector<std::string_view>* bad);

// The row without its minute cells, appended to *out; totals as they were. Returns false (and
// appends nothing) when there is nothing to strip or the bytes are no hour row.
bool StripMinutes(std::string_view bytes, std::string* out);

// Adds the cells of minutes [first, end) within 0..60 to *sums, without building an HourRow. [0, 60)
// adds the totals and does not look at the cells. A stripped row has no cells: whoever asks for
// minutes knows whether retention has taken them. The hot path of queries. Corruption: *sums is as
// it was.
Status SumHourRow(std::string_view bytes, int first, int end, MetricSums* sums);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_HOUR_ROW_H_
