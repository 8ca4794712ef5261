// Counters as an Inspector lists them: rows on disk and what the log holds beyond them.

#include <algorithm>
#include <numeric>

#include "engine/block_reader.h"
#include "engine/counted_event.h"
#include "engine/filter_matcher.h"
#include "engine/inspect_impl.h"
#include "format/keys.h"
#include "format/raw_block.h"

namespace tallymark {
namespace {

constexpr uint32_t kFilterEverything = 0;

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

// What the log holds beyond the counters' position, for everything and for the filters whose counters
// answer queries.
Status InspectorImpl::CountTail(DeltaSet* tail) const {
  const uint64_t covered = directory_->counters.covered_sequence;
  const FilterSet filters = directory_->AnsweringFilters();
  FilterMatcher matcher;
  std::vector<uint32_t> places;
  return directory_->ForEachTailBlock(covered, [&](uint64_t sequence, std::string_view block) {
    EventChunk chunk;
    std::vector<uint32_t> ads;
    Status decoded = ReadBlock(block, directory_->ads, nullptr, &chunk, &ads);
    for (size_t i = 0; decoded.ok() && i < chunk.events.size(); ++i) {
      const CountedEvent counted(ads[i], chunk.events[i]);
      counted.AddTo(&tail->everything());
      places.clear();
      matcher.Match(filters, chunk, chunk.events[i], &places);
      for (uint32_t place : places) {
        if (sequence > filters.active_from(place)) counted.AddTo(tail->Of(filters.number(place)));
      }
    }
    return decoded;
  });
}

Status InspectorImpl::LoadTail() {
  if (tail_) return Status::Ok();
  auto tail = std::make_unique<DeltaSet>(&pools_);
  Status counted = CountTail(tail.get());
  if (!counted.ok()) return counted;
  tail_ = std::move(tail);
  tail_->ForEach([&](uint32_t number, const CounterDelta& delta) {
    const uint32_t filter = number == 0 ? 0 : directory_->filter_ids.at(number);
    for (uint32_t i = 0; i < delta.slot_count(); ++i) {
      CounterDelta::RowId id;
      if (delta.RowAt(i, &id)) tail_rows_.push_back({id.ad, id.hour, filter, &delta, i});
    }
  });
  std::ranges::sort(tail_rows_, {}, &TailRow::ad);
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
    // Rows of other filters are being counted, or are to be dropped.
    const auto filter = directory_->filter_ids.find(key.filter);
    if (key.filter != kFilterEverything && filter == directory_->filter_ids.end()) continue;
    const uint32_t filter_id = key.filter == kFilterEverything ? kFilterEverything : filter->second;
    Status decoded = DecodeHourRow(ToView(it->value()), &(*rows)[{key.hour, filter_id}]);
    if (!decoded.ok()) {
      return decoded.WithContext("counters of ad " + std::string(directory_->ads.Name(ad)) + ", hour " +
                                 std::to_string(key.hour));
    }
  }
  if (!it->status().ok()) return FromRocks(it->status(), "read counter rows");
  for (auto tail = std::ranges::lower_bound(tail_rows_, ad, {}, &TailRow::ad);
       tail != tail_rows_.end() && tail->ad == ad; ++tail) {
    HourRow& row = (*rows)[{tail->hour, tail->filter}];
    tail->delta->ForEachCellAt(tail->slot, [&](int minute, Metric metric, int64_t amount) {
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
