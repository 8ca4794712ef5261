#include "engine/distinct_rules.h"

#include "engine/row_merge.h"
#include "engine/storage.h"
#include "format/distinct_set.h"
#include "format/keys.h"

namespace tallymark {
namespace {

class DistinctFilter final : public rocksdb::CompactionFilter {
 public:
  explicit DistinctFilter(int32_t hours_from) : hours_from_(hours_from) {}

  Decision FilterV2(int, const rocksdb::Slice& key, ValueType, const rocksdb::Slice&, std::string*,
                    std::string*) const override {
    DistinctKey row;
    const bool expired = DistinctKey::Decode(ToView(key), &row) && row.hour < hours_from_;
    return expired ? Decision::kRemove : Decision::kKeep;
  }
  const char* Name() const override { return "tallymark.retention"; }

 private:
  const int32_t hours_from_;
};

class DistinctFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit DistinctFilterFactory(std::shared_ptr<RetentionPositions> retention)
      : retention_(std::move(retention)) {}

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    const int32_t hours_from = retention_->hours.load();
    if (hours_from == INT32_MIN) return nullptr;
    return std::make_unique<DistinctFilter>(hours_from);
  }
  const char* Name() const override { return "tallymark.retention"; }

 private:
  const std::shared_ptr<RetentionPositions> retention_;
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> NewDistinctMergeOperator() {
  return NewRowMergeOperator("tallymark.distinct_row.1", &MergeDistinctRows);
}

std::shared_ptr<rocksdb::CompactionFilterFactory> NewDistinctFilterFactory(
    std::shared_ptr<RetentionPositions> retention) {
  return std::make_shared<DistinctFilterFactory>(std::move(retention));
}

}  // namespace tallymark
