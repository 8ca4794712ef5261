// Counters as an Inspector lists them: rows on disk and what the log holds beyond them.

#include <algorithm>
#include <numeric>

#include "engine/inspect_impl.h"
#include "format/keys.h"
#include "format/raw_block.h"

namespace tallymark {
namespace {

constexpr uint32_t kFilterEverything = 0;

Metric MetricOf(EventKind kind) {
  switch (kind) {
    case EventKind::kImpression:
      return Metric::kImpressions;
    case EventKind::kClick:
      return Metric::kClicks;
    case EventKind::kConversion:
      return Metric::kConversions;
  }
  std::abort();
}

void AddBlock(const CountColumns& columns, CounterDelta* delta) {
  for (size_t i = 0; i < columns.ads.size(); ++i) {
    const int32_t hour = HourOf(columns.times_ns[i]);
    const int cell = MinuteOf(columns.times_ns[i]) - hour * kMinutesPerHour;
    delta->Add(columns.ads[i], hour, cell, MetricOf(columns.kinds[i]), 1);
    if (columns.revenue_micros[i] != 0)
      delta->Add(columns.ads[i], hour, cell, Metric::kRevenue, columns.revenue_micros[i]);
  }
}

void AddCell(HourRow* row, int minute, Metric metric, int64_t amount) {
  row->totals[metric] += amount;
  auto at = std::find_if(row->cells.begin(), row->cells.end(),
                         [&](const MinuteCell& c) { return c.minute >= minute; });
  if (at == row->cells.end() || at->minute != minute) {
    at = row->cells.insert(at, MinuteCell{static_cast<uint8_t>(minute), MetricSums()});
  }
  at->sums[metric] += amount;
}

// Emits the buckets of one ad in order of (bucket, filter).
class BucketWriter {
 public:
  BucketWriter(const InspectedDirectory& directory, const InspectRange& range, bool hours,
               const std::function<bool(const CounterRecord&)>& emit)
      : directory_(directory), range_(range), hours_(hours), emit_(emit) {}

  void BeginAd(std::string_view ad_id) {
    record_.ad_id = ad_id;
    record_.is_hour = hours_;
  }
  // The rows of one hour, filters ascending. Returns whether to go on.
  bool Write(int32_t hour, std::span<const std::pair<uint32_t, const HourRow*>> rows) {
    if (directory_.HoursAreGone(hour)) return true;
    if (!hours_) return directory_.MinutesAreGone(hour) || WriteMinutes(hour, rows);
    for (const auto& [filter, row] : rows) {
      if (!Emit(hour * kMsPerHour, filter, row->totals)) return false;
    }
    return true;
  }

 private:
  bool WriteMinutes(int32_t hour, std::span<const std::pair<uint32_t, const HourRow*>> rows) {
    for (int minute = 0; minute < kMinutesPerHour; ++minute) {
      for (const auto& [filter, row] : rows) {
        auto cell = std::find_if(row->cells.begin(), row->cells.end(),
                                 [&](const MinuteCell& c) { return c.minute == minute; });
        if (cell == row->cells.end()) continue;
        if (!Emit(hour * kMsPerHour + minute * kMsPerMinute, filter, cell->sums)) return false;
      }
    }
    return true;
  }
  bool Emit(int64_t bucket_ms, uint32_t filter, const MetricSums& sums) {
    const __int128 start_ns = static_cast<__int128>(bucket_ms) * kNsPerMs;
    if (start_ns < range_.from_ns || start_ns >= range_.to_ns || sums.IsZero()) return true;
    record_.bucket_ms = bucket_ms;
    record_.filter_id = filter;
    record_.sums = sums;
    return emit_(record_);
  }

  const InspectedDirectory& directory_;
  const InspectRange& range_;
  const bool hours_;
  const std::function<bool(const CounterRecord&)>& emit_;
  CounterRecord record_;
};

}  // namespace

Status InspectorImpl::LoadTail() {
  if (tail_) return Status::Ok();
  auto tail = std::make_unique<CounterDelta>(&pool_);
  CountColumns columns;
  Status read = directory_->ForEachTailBlock(directory_->counters.covered_sequence,
                                             [&](uint64_t, std::string_view block) {
                                               Status decoded = DecodeCountColumns(block, &columns);
                                               if (decoded.ok()) AddBlock(columns, tail.get());
                                               return decoded;
                                             });
  if (!read.ok()) return read;
  tail_ = std::move(tail);
  for (uint32_t i = 0; i < tail_->slot_count(); ++i) {
    CounterDelta::RowId id;
    if (tail_->RowAt(i, &id)) tail_rows_.emplace_back(id, i);
  }
  std::sort(tail_rows_.begin(), tail_rows_.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.ad, a.first.hour) < std::pair(b.first.ad, b.first.hour);
  });
  return Status::Ok();
}

std::vector<uint32_t> InspectorImpl::AdsByName(const std::string& only) const {
  const AdTable& table = directory_->ads;
  std::vector<uint32_t> numbers;
  if (!only.empty()) {
    if (std::optional<uint32_t> number = table.Find(only)) numbers.push_back(*number);
    return numbers;
  }
  numbers.resize(table.size());
  std::iota(numbers.begin(), numbers.end(), 0U);
  std::sort(numbers.begin(), numbers.end(),
            [&](uint32_t a, uint32_t b) { return table.Name(a) < table.Name(b); });
  return numbers;
}

Status InspectorImpl::CollectRows(rocksdb::Iterator* it, uint32_t ad, AdRows* rows) const {
  rows->clear();
  for (it->Seek(CounterKey{ad, 0, INT32_MIN}.Encode()); it->Valid(); it->Next()) {
    CounterKey key;
    if (!CounterKey::Decode(ToView(it->key()), &key))
      return Status::Corruption("a counter key is unreadable");
    if (key.ad != ad) break;
    Status decoded = DecodeHourRow(ToView(it->value()), &(*rows)[{key.hour, key.filter}]);
    if (!decoded.ok()) {
      return decoded.WithContext("counters of ad " + std::string(directory_->ads.Name(ad)) + ", hour " +
                                 std::to_string(key.hour));
    }
  }
  if (!it->status().ok()) return FromRocks(it->status(), "read counter rows");
  auto tail = std::lower_bound(tail_rows_.begin(), tail_rows_.end(), ad,
                               [](const auto& row, uint32_t wanted) { return row.first.ad < wanted; });
  for (; tail != tail_rows_.end() && tail->first.ad == ad; ++tail) {
    HourRow& row = (*rows)[{tail->first.hour, kFilterEverything}];
    tail_->ForEachCellAt(tail->second, [&](int minute, Metric metric, int64_t amount) {
      AddCell(&row, minute, metric, amount);
    });
  }
  return Status::Ok();
}

Status InspectorImpl::ForEachCounter(const InspectRange& range, bool hours,
                                     const std::function<bool(const CounterRecord&)>& emit) {
  Status loaded = LoadTail();
  if (!loaded.ok()) return loaded;
  rocksdb::ReadOptions read;
  read.total_order_seek = true;
  read.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> it(
      directory_->storage->db()->NewIterator(read, directory_->storage->handle(Family::kCounters)));
  BucketWriter writer(*directory_, range, hours, emit);
  AdRows rows;
  std::vector<std::pair<uint32_t, const HourRow*>> of_hour;
  for (uint32_t ad : AdsByName(range.ad_id)) {
    Status collected = CollectRows(it.get(), ad, &rows);
    if (!collected.ok()) return collected;
    writer.BeginAd(directory_->ads.Name(ad));
    for (auto row = rows.begin(); row != rows.end();) {
      const int32_t hour = row->first.first;
      of_hour.clear();
      for (; row != rows.end() && row->first.first == hour; ++row)
        of_hour.emplace_back(row->first.second, &row->second);
      if (!writer.Write(hour, of_hour)) return Status::Ok();
    }
  }
  return Status::Ok();
}

}  // namespace tallymark
