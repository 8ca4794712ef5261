// What CounterView reads of one ad.

#include <algorithm>

#include "engine/counter_view.h"
#include "engine/hour_range.h"
#include "format/keys.h"
#include "format/time_text.h"

namespace tallymark {
namespace {

// Up to this many rows are fetched one by one, more by an iterator.
constexpr int kGetsMax = 3;

// The minutes of `range` that lie in `hour`, as 0..60 within it.
std::pair<int, int> MinutesWithin(MinuteRange range, int32_t hour) {
  const int32_t start = hour * kMinutesPerHour;
  return {std::max(range.begin - start, 0), std::min(range.end - start, kMinutesPerHour)};
}

}  // namespace

Status CounterView::CheckRange(MinuteRange range) const {
  const int32_t hours_from = retention_->hours.load();
  const int32_t minutes_from = retention_->minutes.load();
  const int32_t first = HourOfMinute(range.begin);
  const int32_t last = HourOfMinute(range.end - 1);
  if (first < hours_from)
    return Status::Gone("what was counted before " + FormatRfc3339(hours_from * kNsPerHour) + " has expired");
  const bool cuts_first = range.begin % kMinutesPerHour != 0 && first < minutes_from;
  const bool cuts_last = range.end % kMinutesPerHour != 0 && last < minutes_from;
  if (cuts_first || cuts_last) {
    return Status::Gone("minutes of that time have been rolled up into hours; the finest step there is 1h");
  }
  return Status::Ok();
}

Status CounterView::CheckSteps(MinuteRange range, int32_t step_minutes, int32_t window_minutes) const {
  const bool hourly = range.begin % kMinutesPerHour == 0 && step_minutes % kMinutesPerHour == 0 &&
                      window_minutes % kMinutesPerHour == 0;
  if (!hourly && HourOfMinute(range.begin) < retention_->minutes.load()) {
    return Status::Gone("minutes of that time have been rolled up into hours; the finest step there is 1h");
  }
  return CheckRange(range);
}

template <class Visit>
void CounterView::ForEachDeltaCell(const ReadView& view, uint32_t ad, uint32_t filter, int32_t first_hour,
                                   int32_t end_hour, Visit&& visit) const {
  auto read = [&](const DeltaSet& deltas) {
    const CounterDelta* found = deltas.Find(filter);
    if (found == nullptr) return;
    const CounterDelta& delta = *found;
    const int32_t begin = std::max(first_hour, delta.hour_min());
    const int32_t end = std::min(static_cast<int64_t>(end_hour), int64_t{delta.hour_max()} + 1);
    for (int32_t hour = begin; hour < end; ++hour) {
      delta.ForEachCell(ad, hour, [&](int minute, Metric metric, int64_t amount) {
        visit(hour * kMinutesPerHour + minute, metric, amount);
      });
    }
  };
  if (view.frozen) read(*view.frozen);
  std::shared_lock lock(delta_mutex_);
  read(*view.live);
}

// Precondition: inside the gate.
template <class Visit>
Status CounterView::VisitRow(const CounterKey& key, Visit&& visit) const {
  char bytes[CounterKey::kSize];
  key.EncodeTo(bytes);
  const std::string_view name(bytes, sizeof bytes);
  if (const RowCache::Found found = rows_.Find(name)) {
    return found.row().empty() ? Status::Ok() : visit(key.hour, found.row());
  }
  rocksdb::PinnableSlice row;
  rocksdb::Status status =
      storage_->db()->Get(rocksdb::ReadOptions(), storage_->handle(Family::kCounters), ToSlice(name), &row);
  if (!status.ok() && !status.IsNotFound()) return FromRocks(status, "read a counter row");
  rows_.Put(name, status.ok() ? ToView(row) : std::string_view());
  return status.ok() ? visit(key.hour, ToView(row)) : Status::Ok();
}

// A few rows are fetched inside the gate; more are read by an iterator that pins what it sees, and
// the gate is left first.
template <class Visit>
Status CounterView::ForEachRow(ReadGate::Pass* pass, uint32_t ad, uint32_t filter, int32_t first_hour,
                               int32_t end_hour, Visit&& visit) const {
  if (end_hour - first_hour <= kGetsMax) {
    for (int32_t hour = first_hour; hour < end_hour; ++hour) {
      Status visited = VisitRow(CounterKey{ad, filter, hour}, visit);
      if (!visited.ok()) return visited;
    }
    return Status::Ok();
  }
  rocksdb::ReadOptions read;
  read.prefix_same_as_start = true;
  char key[CounterKey::kSize];
  char end_key[CounterKey::kSize];
  CounterKey{ad, filter, end_hour}.EncodeTo(end_key);
  rocksdb::Slice upper(end_key, sizeof end_key);
  read.iterate_upper_bound = &upper;
  std::unique_ptr<rocksdb::Iterator> it(
      storage_->db()->NewIterator(read, storage_->handle(Family::kCounters)));
  pass->unlock();
  CounterKey{ad, filter, first_hour}.EncodeTo(key);
  for (it->Seek(rocksdb::Slice(key, sizeof key)); it->Valid(); it->Next()) {
    CounterKey found;
    if (!CounterKey::Decode(ToView(it->key()), &found))
      return Status::Corruption("a counter key is unreadable");
    Status visited = visit(found.hour, ToView(it->value()));
    if (!visited.ok()) return visited;
  }
  return FromRocks(it->status(), "read counter rows");
}

Status CounterView::Sum(uint32_t ad, uint32_t filter, MinuteRange range, MetricSums* sums) const {
  const auto [first, end] = HoursOf(range);
  ReadGate::Pass pass = gate_.Enter();
  std::shared_ptr<const ReadView> view = Acquire();
  ForEachDeltaCell(*view, ad, filter, first, end, [&](int32_t minute, Metric metric, int64_t amount) {
    if (minute >= range.begin && minute < range.end) (*sums)[metric] += amount;
  });
  return ForEachRow(&pass, ad, filter, first, end, [&](int32_t hour, std::string_view row) {
    auto [from, to] = MinutesWithin(range, hour);
    return SumHourRow(row, from, to, sums);
  });
}

Status CounterView::Buckets(uint32_t ad, uint32_t filter, MinuteRange range, int step,
                            std::vector<MetricSums>* buckets) const {
  const auto [first, end] = HoursOf(range);
  buckets->assign(static_cast<size_t>((range.end - range.begin) / step), MetricSums());
  auto bucket = [&](int32_t minute) -> MetricSums& {
    return (*buckets)[static_cast<size_t>((minute - range.begin) / step)];
  };
  ReadGate::Pass pass = gate_.Enter();
  std::shared_ptr<const ReadView> view = Acquire();
  ForEachDeltaCell(*view, ad, filter, first, end, [&](int32_t minute, Metric metric, int64_t amount) {
    if (minute >= range.begin && minute < range.end) bucket(minute)[metric] += amount;
  });
  HourRow row;
  return ForEachRow(&pass, ad, filter, first, end, [&](int32_t hour, std::string_view bytes) {
    if (step == kMinutesPerHour)
      return SumHourRow(bytes, 0, kMinutesPerHour, &bucket(hour * kMinutesPerHour));
    Status decoded = DecodeHourRow(bytes, &row);
    for (const MinuteCell& cell : row.cells) {
      const int32_t minute = hour * kMinutesPerHour + cell.minute;
      if (minute >= range.begin && minute < range.end) bucket(minute).Add(cell.sums);
    }
    return decoded;
  });
}

}  // namespace tallymark
