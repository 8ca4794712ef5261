#ifndef TALLYMARK_ENGINE_COUNTER_RULES_H_
#define TALLYMARK_ENGINE_COUNTER_RULES_H_

#include <rocksdb/compaction_filter.h>
#include <rocksdb/merge_operator.h>

#include <memory>

namespace tallymark {

class LiveFilters;
struct RetentionPositions;

// Folds hour rows: full and partial merge are the same sum, since operand and row are one format.
// Never fails (format/hour_row.h says what becomes of damaged operands).
std::shared_ptr<rocksdb::MergeOperator> NewCounterMergeOperator();

// The compaction-time rollup: cuts the minute cells off rows before retention->minutes and drops
// rows before retention->hours, and rows of filters that live no more. A pure function of key, value
// and persisted state that only moves forward (a number that has died never lives again), so that it
// may run any number of times. A compaction asks who lives when it begins: whatever it reads was
// written by then, and a filter lives before its first row is written. `live` may be null: all do.
std::shared_ptr<rocksdb::CompactionFilterFactory> NewCounterFilterFactory(
    std::shared_ptr<RetentionPositions> retention, std::shared_ptr<LiveFilters> live);

// The same for top lists, of dead filters only.
std::shared_ptr<rocksdb::CompactionFilterFactory> NewTopListFilterFactory(std::shared_ptr<LiveFilters> live);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_COUNTER_RULES_H_
