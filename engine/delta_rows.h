#ifndef TALLYMARK_ENGINE_DELTA_ROWS_H_
#define TALLYMARK_ENGINE_DELTA_ROWS_H_

#include <vector>

#include "engine/big_vector.h"
#include "engine/counter_delta.h"
#include "engine/delta_set.h"
#include "engine/radix_sort.h"
#include "format/hour_row.h"

namespace tallymark {

// The rows of a delta: `value` is the row's index, the key (ad, HourBits), or with `hour_first`
// (HourBits, ad).
BigVector<SortItem> SortedRows(const CounterDelta& delta, bool hour_first);

// A row of one of several deltas.
struct RowRef {
  const CounterDelta* delta = nullptr;
  uint32_t filter = 0;
  uint32_t slot = 0;
};

// The rows of all filters by (ad, filter, hour).
BigVector<RowRef> RowsByKey(const DeltaSet& deltas);

// Gathers one slot's cells into a row, minutes ascending, each once.
class RowBuilder {
 public:
  // Valid until the next call.
  const HourRow& Build(const CounterDelta& delta, uint32_t row_index);

 private:
  HourRow row_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_DELTA_ROWS_H_
