#include "engine/delta_rows.h"

#include <algorithm>

namespace tallymark {

BigVector<SortItem> SortedRows(const CounterDelta& delta, bool hour_first) {
  BigVector<SortItem> items;
  items.reserve(delta.rows());
  for (uint32_t i = 0; i < delta.slot_count(); ++i) {
    CounterDelta::RowId id;
    if (!delta.RowAt(i, &id)) continue;
    const uint64_t key =
        hour_first ? HourBits(id.hour) << 32 | id.ad : uint64_t{id.ad} << 32 | HourBits(id.hour);
    items.push_back({key, i});
  }
  BigVector<SortItem> scratch;
  RadixSort(&items, &scratch);
  return items;
}

const HourRow& RowBuilder::Build(const CounterDelta& delta, uint32_t row_index) {
  row_.totals = MetricSums();
  row_.cells.clear();
  delta.ForEachCellAt(row_index, [&](int minute, Metric metric, int64_t amount) {
    row_.totals[metric] += amount;
    auto at = std::find_if(row_.cells.begin(), row_.cells.end(),
                           [&](const MinuteCell& c) { return c.minute >= minute; });
    if (at == row_.cells.end() || at->minute != minute) {
      at = row_.cells.insert(at, MinuteCell{static_cast<uint8_t>(minute), MetricSums()});
    }
    at->sums[metric] += amount;
  });
  return row_;
}

}  // namespace tallymark
