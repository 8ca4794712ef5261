#include "engine/counter_rules.h"

#include <algorithm>

#include "engine/row_merge.h"
#include "engine/storage.h"
#include "format/hour_row.h"
#include "format/keys.h"

namespace tallymark {
namespace {

using LiveNumbers = std::shared_ptr<const LiveFilters::Numbers>;

bool IsDead(const LiveNumbers& live, uint32_t filter) {
  return filter != 0 && live != nullptr && !std::ranges::binary_search(*live, filter);
}

LiveNumbers NumbersOf(const std::shared_ptr<LiveFilters>& live) { return live ? live->Get() : nullptr; }

class CounterFilter final : public rocksdb::CompactionFilter {
 public:
  CounterFilter(int32_t minutes_from, int32_t hours_from, LiveNumbers live)
      : minutes_from_(minutes_from), hours_from_(hours_from), live_(std::move(live)) {}

  Decision FilterV2(int, const rocksdb::Slice& key, ValueType, const rocksdb::Slice& value,
                    std::string* new_value, std::string*) const override {
    CounterKey counter;
    if (!CounterKey::Decode(ToView(key), &counter)) return Decision::kKeep;
    if (counter.hour < hours_from_ || IsDead(live_, counter.filter)) return Decision::kRemove;
    if (counter.hour >= minutes_from_) return Decision::kKeep;
    new_value->clear();
    return StripMinutes(ToView(value), new_value) ? Decision::kChangeValue : Decision::kKeep;
  }
  const char* Name() const override { return "tallymark.retention"; }

 private:
  const int32_t minutes_from_;
  const int32_t hours_from_;
  const LiveNumbers live_;
};

class TopListFilter final : public rocksdb::CompactionFilter {
 public:
  explicit TopListFilter(LiveNumbers live) : live_(std::move(live)) {}

  Decision FilterV2(int, const rocksdb::Slice& key, ValueType, const rocksdb::Slice&, std::string*,
                    std::string*) const override {
    TopKey list;
    if (!TopKey::Decode(ToView(key), &list)) return Decision::kKeep;
    return IsDead(live_, list.filter) ? Decision::kRemove : Decision::kKeep;
  }
  const char* Name() const override { return "tallymark.dead_filters"; }

 private:
  const LiveNumbers live_;
};

class CounterFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  CounterFilterFactory(std::shared_ptr<RetentionPositions> retention, std::shared_ptr<LiveFilters> live)
      : retention_(std::move(retention)), live_(std::move(live)) {}

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    int32_t minutes_from = retention_->minutes.load();
    int32_t hours_from = retention_->hours.load();
    LiveNumbers live = NumbersOf(live_);
    if (minutes_from == INT32_MIN && hours_from == INT32_MIN && live == nullptr) return nullptr;
    return std::make_unique<CounterFilter>(minutes_from, hours_from, std::move(live));
  }
  const char* Name() const override { return "tallymark.retention"; }

 private:
  const std::shared_ptr<RetentionPositions> retention_;
  const std::shared_ptr<LiveFilters> live_;
};

class TopListFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit TopListFilterFactory(std::shared_ptr<LiveFilters> live) : live_(std::move(live)) {}

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    LiveNumbers live = NumbersOf(live_);
    if (live == nullptr) return nullptr;
    return std::make_unique<TopListFilter>(std::move(live));
  }
  const char* Name() const override { return "tallymark.dead_filters"; }

 private:
  const std::shared_ptr<LiveFilters> live_;
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> NewCounterMergeOperator() {
  return NewRowMergeOperator("tallymark.hour_row.1", &MergeHourRows);
}

std::shared_ptr<rocksdb::CompactionFilterFactory> NewCounterFilterFactory(
    std::shared_ptr<RetentionPositions> retention, std::shared_ptr<LiveFilters> live) {
  return std::make_shared<CounterFilterFactory>(std::move(retention), std::move(live));
}

std::shared_ptr<rocksdb::CompactionFilterFactory> NewTopListFilterFactory(std::shared_ptr<LiveFilters> live) {
  return std::make_shared<TopListFilterFactory>(std::move(live));
}

}  // namespace tallymark
