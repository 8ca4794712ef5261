#ifndef TALLYMARK_ENGINE_COUNT_COMPARISON_H_
#define TALLYMARK_ENGINE_COUNT_COMPARISON_H_

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "engine/counted_moment.h"
#include "engine/counter_delta.h"
#include "format/hour_row.h"
#include "format/time_units.h"

namespace tallymark {

// An amount that is stored otherwise than raw says.
struct CountMismatch {
  static constexpr int kWholeHour = kMinutesPerHour;  // as `minute`

  uint32_t ad = 0;
  uint32_t filter = 0;
  int32_t hour = 0;
  int minute = kWholeHour;  // 0..59: the minute's amount
  Metric metric = Metric::kImpressions;
  bool in_lists = false;  // in top lists, else in counter rows
  bool readable = true;   // false: what is stored is no row or list; counted is 0
  __int128 counted = 0;
  __int128 raw = 0;
};

// Adds the hours of the range in which the filter has counter rows, or top lists.
Status HoursWithRows(CountedMoment* moment, uint32_t filter, HourRange range, std::set<int32_t>* hours);
Status HoursWithLists(CountedMoment* moment, uint32_t filter, HourRange range, std::set<int32_t>* hours);

// Holds the rows and top lists of one filter against a count from raw. One thread.
class CountComparison {
 public:
  using Tell = std::function<void(const CountMismatch&)>;

  // `raw` is the count of the range up to moment->covered_sequence and nothing else.
  CountComparison(CountedMoment* moment, uint32_t filter, HourRange range, const CounterDelta& raw, Tell tell)
      : moment_(moment), filter_(filter), range_(range), raw_(raw), tell_(std::move(tell)) {}

  // Every row of the range, those without events too, and every event's row. Adds to *rows_checked.
  Status CompareRows(uint64_t* rows_checked);
  // The same for top lists. Memory: another delta of about the size of `raw`.
  Status CompareLists();

  // Calls visit(ad) for each row of the range whose ad has no event in its hour, by (ad, hour).
  Status ForEachStrayRow(const std::function<void(uint32_t ad, int32_t hour)>& visit);

 private:
  // What is compared of two rows; lists have minutes and hours in different places.
  struct Parts {
    bool minutes = true;
    bool totals = true;
    bool in_lists = false;
  };
  // Walks stored rows and rows of raw side by side. `stored` is null where there is none, `raw` an
  // index of raw_'s rows or kNone.
  static constexpr uint32_t kNone = UINT32_MAX;
  using VisitPair =
      std::function<void(uint32_t ad, int32_t hour, const std::string_view* stored, uint32_t raw)>;
  Status ForEachPair(const VisitPair& visit);
  Status ReadLists(Family family, CounterDelta* lists);
  void CompareDeltas(const CounterDelta& stored, const Parts& parts);
  void Compare(uint32_t ad, int32_t hour, const HourRow& stored, const HourRow& raw, const Parts& parts);
  void TellDifferences(CountMismatch mismatch, const MetricSums& stored, const MetricSums& raw);

  CountedMoment* const moment_;
  const uint32_t filter_;
  const HourRange range_;
  const CounterDelta& raw_;
  const Tell tell_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_COUNT_COMPARISON_H_
