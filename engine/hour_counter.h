#ifndef TALLYMARK_ENGINE_HOUR_COUNTER_H_
#define TALLYMARK_ENGINE_HOUR_COUNTER_H_

#include <memory>
#include <vector>

#include "engine/ad_table.h"
#include "engine/counted_moment.h"
#include "engine/delta_set.h"
#include "engine/filter_matcher.h"
#include "format/raw_block.h"

namespace tallymark {

// Counts hours again from raw, for filter 0 and for those of a set, whatever positions they are
// active from. One thread.
class HourCounter {
 public:
  // `ads` outlives it. Without filters only the columns that are counted are decoded.
  HourCounter(const AdTable* ads, std::shared_ptr<const FilterSet> filters)
      : ads_(ads), filters_(std::move(filters)) {}

  // Adds the events of the hour within the positions. `pause` as CountedMoment's. Corruption when a
  // block is damaged or missing: what was counted is then of no use.
  Status CountHour(RawIterators* raw, int32_t hour, const PositionRange& positions,
                   const std::function<Status()>& pause, DeltaSet* counts);

  // Counts whole hours from range.begin until there are about `rows_max` rows or the range is
  // through, and gives the end of what was counted: at least one hour.
  Result<int32_t> CountHours(CountedMoment* moment, HourRange range, uint32_t rows_max, DeltaSet* counts);

 private:
  Status CountColumnsOf(std::string_view block, int32_t hour, DeltaSet* counts);
  Status CountEventsOf(std::string_view block, int32_t hour, DeltaSet* counts);

  const AdTable* const ads_;
  const std::shared_ptr<const FilterSet> filters_;
  FilterMatcher matcher_;
  CountColumns columns_;
  EventChunk chunk_;
  std::vector<uint32_t> event_ads_;
  std::vector<uint32_t> places_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_HOUR_COUNTER_H_
