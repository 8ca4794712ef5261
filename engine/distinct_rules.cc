#include "engine/distinct_rules.h"

#include <string_view>
#include <vector>

#include "engine/storage.h"
#include "format/distinct_set.h"
#include "format/keys.h"

namespace tallymark {
namespace {

class DistinctMergeOperator final : public rocksdb::MergeOperator {
 public:
  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    std::vector<std::string_view> operands;
    operands.reserve(in.operand_list.size() + 1);
    if (in.existing_value != nullptr) operands.push_back(ToView(*in.existing_value));
    for (const rocksdb::Slice& s : in.operand_list) operands.push_back(ToView(s));
    out->new_value.clear();
    MergeDistinctRows(operands, &out->new_value);
    return true;
  }
  bool PartialMerge(const rocksdb::Slice&, const rocksdb::Slice& left, const rocksdb::Slice& right,
                    std::string* new_value, rocksdb::Logger*) const override {
    std::string_view operands[] = {ToView(left), ToView(right)};
    new_value->clear();
    MergeDistinctRows(operands, new_value);
    return true;
  }
  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& list,
                         std::string* new_value, rocksdb::Logger*) const override {
    std::vector<std::string_view> operands;
    operands.reserve(list.size());
    for (const rocksdb::Slice& s : list) operands.push_back(ToView(s));
    new_value->clear();
    MergeDistinctRows(operands, new_value);
    return true;
  }
  const char* Name() const override { return "tallymark.distinct_row.1"; }
};

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
  return std::make_shared<DistinctMergeOperator>();
}

std::shared_ptr<rocksdb::CompactionFilterFactory> NewDistinctFilterFactory(
    std::shared_ptr<RetentionPositions> retention) {
  return std::make_shared<DistinctFilterFactory>(std::move(retention));
}

}  // namespace tallymark
