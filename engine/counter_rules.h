#ifndef TALLYMARK_ENGINE_COUNTER_RULES_H_
#define TALLYMARK_ENGINE_COUNTER_RULES_H_

#include <rocksdb/compaction_filter.h>
#include <rocksdb/merge_operator.h>

#include <memory>

namespace tallymark {

struct RetentionPositions;

// Folds hour rows: full and partial merge are the same sum, since operand and row are one format.
// Never fails (format/hour_row.h says what becomes of damaged operands).
std::shared_ptr<rocksdb::MergeOperator> NewCounterMergeOperator();

// The compaction-time rollup: cuts the minute cells off rows before retention->minutes and drops
// rows before retention->hours. A pure function of key, value and the persisted position, so that
// it may run any number of times.
std::shared_ptr<rocksdb::CompactionFilterFactory> NewCounterFilterFactory(
    std::shared_ptr<RetentionPositions> retention);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_COUNTER_RULES_H_
