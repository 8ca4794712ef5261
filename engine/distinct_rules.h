#ifndef TALLYMARK_ENGINE_DISTINCT_RULES_H_
#define TALLYMARK_ENGINE_DISTINCT_RULES_H_

#include <rocksdb/compaction_filter.h>
#include <rocksdb/merge_operator.h>

#include <memory>

namespace tallymark {

struct RetentionPositions;

// Folds rows of `distinct`: full and partial merge are the same union, since operand and row are one
// format. Never fails (format/distinct_set.h says what becomes of damaged operands).
std::shared_ptr<rocksdb::MergeOperator> NewDistinctMergeOperator();

// Drops rows before retention->hours: a pure function of key and the persisted position.
std::shared_ptr<rocksdb::CompactionFilterFactory> NewDistinctFilterFactory(
    std::shared_ptr<RetentionPositions> retention);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_DISTINCT_RULES_H_
