#include "engine/counter_rules.h"

#include <string_view>
#include <vector>

#include "engine/storage.h"
#include "format/hour_row.h"
#include "format/keys.h"

namespace tallymark {
namespace {

class CounterMergeOperator final : public rocksdb::MergeOperator {
 public:
  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    std::vector<std::string_view> operands;
    operands.reserve(in.operand_list.size() + 1);
    if (in.existing_value != nullptr) operands.push_back(ToView(*in.existing_value));
    for (const rocksdb::Slice& s : in.operand_list) operands.push_back(ToView(s));
    out->new_value.clear();
    MergeHourRows(operands, &out->new_value);
    return true;
  }
  bool PartialMerge(const rocksdb::Slice&, const rocksdb::Slice& left, const rocksdb::Slice& right,
                    std::string* new_value, rocksdb::Logger*) const override {
    std::string_view operands[] = {ToView(left), ToView(right)};
    new_value->clear();
    MergeHourRows(operands, new_value);
    return true;
  }
  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& list,
                         std::string* new_value, rocksdb::Logger*) const override {
    std::vector<std::string_view> operands;
    operands.reserve(list.size());
    for (const rocksdb::Slice& s : list) operands.push_back(ToView(s));
    new_value->clear();
    MergeHourRows(operands, new_value);
    return true;
  }
  const char* Name() const override { return "tallymark.hour_row.1"; }
};

class CounterFilter final : public rocksdb::CompactionFilter {
 public:
  CounterFilter(int32_t minutes_from, int32_t hours_from)
      : minutes_from_(minutes_from), hours_from_(hours_from) {}

  Decision FilterV2(int, const rocksdb::Slice& key, ValueType, const rocksdb::Slice& value,
                    std::string* new_value, std::string*) const override {
    CounterKey counter;
    if (!CounterKey::Decode(ToView(key), &counter)) return Decision::kKeep;
    if (counter.hour < hours_from_) return Decision::kRemove;
    if (counter.hour >= minutes_from_) return Decision::kKeep;
    new_value->clear();
    return StripMinutes(ToView(value), new_value) ? Decision::kChangeValue : Decision::kKeep;
  }
  const char* Name() const override { return "tallymark.retention"; }

 private:
  const int32_t minutes_from_;
  const int32_t hours_from_;
};

class CounterFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit CounterFilterFactory(std::shared_ptr<RetentionPositions> retention)
      : retention_(std::move(retention)) {}

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    int32_t minutes_from = retention_->minutes.load();
    int32_t hours_from = retention_->hours.load();
    if (minutes_from == INT32_MIN && hours_from == INT32_MIN) return nullptr;
    return std::make_unique<CounterFilter>(minutes_from, hours_from);
  }
  const char* Name() const override { return "tallymark.retention"; }

 private:
  const std::shared_ptr<RetentionPositions> retention_;
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> NewCounterMergeOperator() {
  return std::make_shared<CounterMergeOperator>();
}

std::shared_ptr<rocksdb::CompactionFilterFactory> NewCounterFilterFactory(
    std::shared_ptr<RetentionPositions> retention) {
  return std::make_shared<CounterFilterFactory>(std::move(retention));
}

}  // namespace tallymark
