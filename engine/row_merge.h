#ifndef TALLYMARK_ENGINE_ROW_MERGE_H_
#define TALLYMARK_ENGINE_ROW_MERGE_H_

#include <rocksdb/merge_operator.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tallymark {

// Appends to *out what one or more operands come to together; associative, commutative, never fails.
using MergeRows = void (*)(std::span<const std::string_view> operands, std::string* out);

// The merge operator of rows whose operands and stored values are one format, so that full and
// partial merge are the same function. `name` is static text and part of the format: RocksDB does
// not keep it, the data directory's version stands for it.
std::shared_ptr<rocksdb::MergeOperator> NewRowMergeOperator(const char* name, MergeRows merge);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_ROW_MERGE_H_
