#ifndef TALLYMARK_ENGINE_COUNT_COMPARISON_H_
#define TALLYMARK_ENGINE_COUNT_COMPARISON_H_

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "engine/counted_moment.h"
#include "engine/delta_rows.h"
#include "engine/delta_set.h"
#include "format/hour_row.h"
#include "format/keys.h"
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

// Internal numbers, ascending.
using FilterNumbers = std::vector<uint32_t>;

// Adds the hours of the range in which the filters have counter rows, or top lists.
Status HoursWithRows(CountedMoment* moment, const FilterNumbers& filters, HourRange range,
                     std::set<int32_t>* hours);
Status HoursWithLists(CountedMoment* moment, const FilterNumbers& filters, HourRange range,
                      std::set<int32_t>* hours);

// Holds the rows and top lists of some filters against a count from raw, in one pass over what is
// stored. One thread.
class CountComparison {
 public:
  using Tell = std::function<void(const CountMismatch&)>;

  // `raw` is the count of the range and the filters up to moment->covered_sequence and nothing else.
  CountComparison(CountedMoment* moment, const FilterNumbers& filters, HourRange range, const DeltaSet& raw,
                  Tell tell)
      : moment_(moment), filters_(filters), range_(range), raw_(raw), tell_(std::move(tell)) {}

  // Every row of the range, those without events too, and every event's row. Adds to *rows_checked.
  Status CompareRows(uint64_t* rows_checked);
  // The same for top lists. Memory: deltas of about the size of `raw`.
  Status CompareLists();

  // Calls visit for each row of the range that has no event, by (ad, filter, hour).
  Status ForEachStrayRow(const std::function<void(const CounterKey& key)>& visit);

 private:
  // What is compared of two rows; lists have minutes and hours in different places.
  struct Parts {
    bool minutes = true;
    bool totals = true;
    bool in_lists = false;
  };
  // Walks stored rows and rows of raw side by side. Null where there is none.
  using VisitPair =
      std::function<void(const CounterKey& key, const std::string_view* stored, const RowRef* raw)>;
  Status ForEachPair(const VisitPair& visit);
  Status ReadLists(Family family, DeltaSet* lists);
  void CompareDeltas(uint32_t filter, const CounterDelta& stored, const CounterDelta& raw,
                     const Parts& parts);
  void Compare(const CounterKey& key, const HourRow& stored, const HourRow& raw, const Parts& parts);
  void TellDifferences(CountMismatch mismatch, const MetricSums& stored, const MetricSums& raw);

  CountedMoment* const moment_;
  const FilterNumbers& filters_;
  const HourRange range_;
  const DeltaSet& raw_;
  const Tell tell_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_COUNT_COMPARISON_H_
