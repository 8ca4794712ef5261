#include "engine/row_merge.h"

#include <array>
#include <vector>

#include "engine/storage.h"

namespace tallymark {
namespace {

class RowMergeOperator final : public rocksdb::MergeOperator {
 public:
  RowMergeOperator(const char* name, MergeRows merge) : name_(name), merge_(merge) {}

  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    std::vector<std::string_view> operands;
    operands.reserve(in.operand_list.size() + 1);
    if (in.existing_value != nullptr) operands.push_back(ToView(*in.existing_value));
    for (const rocksdb::Slice& s : in.operand_list) operands.push_back(ToView(s));
    out->new_value.clear();
    merge_(operands, &out->new_value);
    return true;
  }
  bool PartialMerge(const rocksdb::Slice&, const rocksdb::Slice& left, const rocksdb::Slice& right,
                    std::string* new_value, rocksdb::Logger*) const override {
    const std::array<std::string_view, 2> operands = {ToView(left), ToView(right)};
    new_value->clear();
    merge_(operands, new_value);
    return true;
  }
  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& list,
                         std::string* new_value, rocksdb::Logger*) const override {
    std::vector<std::string_view> operands;
    operands.reserve(list.size());
    for (const rocksdb::Slice& s : list) operands.push_back(ToView(s));
    new_value->clear();
    merge_(operands, new_value);
    return true;
  }
  const char* Name() const override { return name_; }

 private:
  const char* const name_;
  const MergeRows merge_;
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> NewRowMergeOperator(const char* name, MergeRows merge) {
  return std::make_shared<RowMergeOperator>(name, merge);
}

}  // namespace tallymark
