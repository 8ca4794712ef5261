#include "engine/delta_rows.h"

#include <algorithm>

#include "format/time_units.h"

namespace tallymark {

BigVector<SortItem> SortedRows(const CounterDelta& delta, bool hour_first) {
  BigVector<SortItem> items;
  items.reserve(delta.rows());
  for (uint32_t i = 0; i < delta.slot_count(); ++i) {
    CounterDelta::RowId id;
    if (!delta.RowAt(i, &id)) continue;
    const uint64_t key =
        hour_first ? uint64_t{HourBits(id.hour)} << 32 | id.ad : uint64_t{id.ad} << 32 | HourBits(id.hour);
    items.push_back({key, i});
  }
  BigVector<SortItem> scratch;
  RadixSort(&items, &scratch);
  return items;
}

// Each filter's in its order, then by ad, stably.
BigVector<RowRef> RowsByKey(const DeltaSet& deltas) {
  BigVector<RowRef> rows;
  BigVector<SortItem> items;
  size_t filters = 0;
  deltas.ForEach([&](uint32_t filter, const CounterDelta& delta) {
    filters += delta.empty() ? 0 : 1;
    for (const SortItem& item : SortedRows(delta, false)) {
      items.push_back({item.key >> 32, static_cast<uint32_t>(rows.size())});
      rows.push_back({&delta, filter, item.value});
    }
  });
  if (filters < 2) return rows;
  BigVector<SortItem> scratch;
  RadixSort(&items, &scratch);
  BigVector<RowRef> sorted;
  sorted.reserve(rows.size());
  for (const SortItem& item : items) sorted.push_back(rows[item.value]);
  return sorted;
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
