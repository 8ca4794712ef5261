// The reading half of CounterView.

#include <algorithm>

#include "engine/counter_view.h"
#include "engine/hour_range.h"
#include "format/keys.h"
#include "format/time_text.h"
#include "format/top_chunk.h"

namespace tallymark {
namespace {

// Up to this many rows are fetched one by one, more by an iterator.
constexpr int kGetsMax = 3;
// Of the live delta, for which who counts events waits: a millisecond or two (bench/README.md).
constexpr uint32_t kSliceRows = 32768;
constexpr uint32_t kCellsAhead = 16;

// The minutes of `range` that lie in `hour`, as 0..60 within it.
std::pair<int, int> MinutesWithin(MinuteRange range, int32_t hour) {
  const int32_t start = hour * kMinutesPerHour;
  return {std::max(range.begin - start, 0), std::min(range.end - start, kMinutesPerHour)};
}

int32_t EndHour(MinuteRange range) { return HourOfMinute(range.end - 1) + 1; }

HourRange HoursOf(MinuteRange range) { return {HourOfMinute(range.begin), EndHour(range)}; }

Status Overflow() { return Status::Exhausted("an amount of the list overflows 64 bits"); }

// Calls visit(row, id) for the rows in [begin, end) of a delta that are of these hours and of ads below
// `ads`; others came after the reader began.
template <class Visit>
void ForEachRowOf(const CounterDelta& delta, uint32_t begin, uint32_t end, HourRange hours, size_t ads,
                  Visit&& visit) {
  for (uint32_t row = begin; row < end; ++row) {
    if (row + kCellsAhead < end) delta.PrefetchCellsAt(row + kCellsAhead);
    CounterDelta::RowId id;
    const bool is_there = delta.RowAt(row, &id);
    if (is_there && id.hour >= hours.begin && id.hour < hours.end && id.ad < ads) visit(row, id);
  }
}

// Adds the rows' shares of the range. False when an amount overflows.
bool AddRows(const CounterDelta& delta, uint32_t begin, uint32_t end, Metric metric, MinuteRange range,
             AdAmounts* totals) {
  bool overflow = false;
  ForEachRowOf(delta, begin, end, HoursOf(range), totals->size(), [&](uint32_t row, CounterDelta::RowId id) {
    int64_t& total = (*totals)[id.ad];
    delta.ForEachCellAt(row, [&](int cell, Metric m, int64_t amount) {
      const int32_t minute = id.hour * kMinutesPerHour + cell;
      if (m != metric || minute < range.begin || minute >= range.end) return;
      overflow |= __builtin_add_overflow(total, amount, &total);
    });
  });
  return !overflow;
}

// What the rows had when the move began: `change` by ad.
void AddChange(const CounterDelta& delta, uint32_t begin, uint32_t end, const WindowMove& move,
               AdAmounts* change) {
  ForEachRowOf(delta, begin, end, move.hours(), change->size(), [&](uint32_t row, CounterDelta::RowId id) {
    int64_t& amount = (*change)[id.ad];
    amount -= move.Noted(id.ad, id.hour);
    delta.ForEachCellAt(row, [&](int cell, Metric m, int64_t clicks) {
      if (m == Metric::kClicks) amount += move.Sign(id.hour * kMinutesPerHour + cell) * clicks;
    });
  });
}

// Money alone can come near a bound.
Status CheckAmounts(std::string_view chunk) {
  std::vector<TopPair> pairs;
  Status decoded = DecodeTopChunk(chunk, &pairs);
  const bool fits = std::ranges::none_of(pairs, [](const TopPair& p) { return IsAmountBound(p.amount); });
  return decoded.ok() && !fits ? Overflow() : decoded;
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
  const int32_t first = HourOfMinute(range.begin);
  const int32_t end = EndHour(range);
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
  const int32_t first = HourOfMinute(range.begin);
  const int32_t end = EndHour(range);
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

// Of a delta that does not change.
Status CounterView::AddDelta(const DeltaSet& deltas, const Ranked& ranked, MinuteRange range,
                             AdAmounts* totals) {
  const CounterDelta* delta = deltas.Find(ranked.filter);
  const HourRange hours = HoursOf(range);
  if (delta == nullptr || delta->hour_max() < hours.begin || delta->hour_min() >= hours.end)
    return Status::Ok();
  return AddRows(*delta, 0, delta->slot_count(), ranked.metric, range, totals) ? Status::Ok() : Overflow();
}

// Calls visit(delta, begin, end) for slices of the live delta's rows until it returns false; events are
// counted between them. So a row is seen as it is at some time while this goes on, and one that comes
// meanwhile may be missed. False when the table grew, too: rows then lie elsewhere, and what was visited
// is worth nothing.
template <class Visit>
bool CounterView::ForEachLiveSlice(const DeltaSet& live, uint32_t filter, Visit&& visit) const {
  uint32_t slots = 0;
  for (uint32_t begin = 0;; begin += kSliceRows) {
    { std::lock_guard turn(turn_mutex_); }
    std::shared_lock lock(delta_mutex_);
    const CounterDelta* delta = live.Find(filter);
    if (delta == nullptr) return true;
    if (begin == 0) slots = delta->slot_count();
    const uint32_t end = std::min(slots, begin + kSliceRows);
    if (delta->slot_count() != slots || !visit(*delta, begin, end)) return false;
    if (end == slots) return true;
  }
}

CounterView::Lists CounterView::OpenLists() const {
  rocksdb::ReadOptions read;
  read.readahead_size = 256 << 10;
  Lists lists;
  ReadGate::Pass pass = gate_.Enter();
  lists.view = Acquire();
  lists.minutes.reset(storage_->db()->NewIterator(read, storage_->handle(Family::kTopMinutes)));
  lists.hours.reset(storage_->db()->NewIterator(read, storage_->handle(Family::kTopHours)));
  lists.replacements = replacements_.load();
  return lists;
}

Status CounterView::AddLists(rocksdb::Iterator* it, const Ranked& ranked, int32_t begin, int32_t end,
                             AdAmounts* totals) {
  const auto metric = static_cast<uint8_t>(ranked.metric);
  for (int32_t bucket = begin; bucket < end; ++bucket) {
    const std::string prefix = TopKey{bucket, ranked.filter, metric, 0, 0}.EncodePrefix();
    for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
      Status added = ranked.metric == Metric::kRevenue ? CheckAmounts(ToView(it->value())) : Status::Ok();
      if (added.ok()) added = AddTopChunk(ToView(it->value()), *totals);
      if (!added.ok()) return added;
    }
  }
  return FromRocks(it->status(), "read top lists");
}

// What no longer changes: lists and the frozen delta. Whole hours come from the hour lists, the ends
// from minutes.
Status CounterView::AddSettled(const Lists& lists, const Ranked& ranked, MinuteRange range,
                               AdAmounts* totals) const {
  const auto hour_begin = static_cast<int32_t>(-FloorDiv(-int64_t{range.begin}, kMinutesPerHour));
  const int32_t hour_end = HourOfMinute(range.end);
  if (lists.view->frozen) {
    Status frozen = AddDelta(*lists.view->frozen, ranked, range, totals);
    if (!frozen.ok()) return frozen;
  }
  if (hour_begin >= hour_end) return AddLists(lists.minutes.get(), ranked, range.begin, range.end, totals);
  Status hours = AddLists(lists.hours.get(), ranked, hour_begin, hour_end, totals);
  if (!hours.ok()) return hours;
  Status head = AddLists(lists.minutes.get(), ranked, range.begin, hour_begin * kMinutesPerHour, totals);
  if (!head.ok()) return head;
  return AddLists(lists.minutes.get(), ranked, hour_end * kMinutesPerHour, range.end, totals);
}

// The number of ads is asked for after the lists are open: no list names an ad beyond it.
Result<bool> CounterView::TryTotals(const Ranked& ranked, MinuteRange range, const AdTable& ads,
                                    AdAmounts* totals) const {
  const Lists lists = OpenLists();
  totals->assign(ads.size(), 0);
  Status settled = AddSettled(lists, ranked, range, totals);
  if (!settled.ok()) return settled;
  bool fits = true;
  const bool whole = ForEachLiveSlice(
      *lists.view->live, ranked.filter, [&](const CounterDelta& delta, uint32_t begin, uint32_t end) {
        return fits = AddRows(delta, begin, end, ranked.metric, range, totals);
      });
  if (!fits) return Overflow();
  return whole;
}

Status CounterView::Totals(uint32_t filter, Metric metric, MinuteRange range, const AdTable& ads,
                           AdAmounts* totals) const {
  for (;;) {
    Result<bool> whole = TryTotals(Ranked{filter, metric}, range, ads, totals);
    if (!whole.ok()) return whole.status();
    if (*whole) return Status::Ok();
  }
}

bool CounterView::TopFromWindow(MinuteRange range,
                                const std::function<void(std::span<const uint32_t>)>& use) const {
  std::shared_lock lock(delta_mutex_);
  if (!window_.valid() || window_.end() != range.end || range.begin != range.end - TopWindow::kMinutes)
    return false;
  use(window_.totals());
  return true;
}

Status CounterView::AdvanceWindow(int32_t end_minute, const AdTable& ads) {
  for (;;) {
    Result<bool> moved = TryAdvance(end_minute, ads);
    if (moved.ok() && *moved) return Status::Ok();
    const auto lock = LockDelta();
    window_.AbandonMove();
    if (!moved.ok()) return moved.status();
  }
}

// False when a checkpoint or a replaced hour came between, or the live table grew.
Result<bool> CounterView::TryAdvance(int32_t end_minute, const AdTable& ads) {
  TopWindow::Plan plan;
  {
    std::shared_lock lock(delta_mutex_);
    if (window_.valid() && window_.end() >= end_minute) return true;
    plan = window_.PlanMove(end_minute);
  }
  auto noting = std::make_unique<WindowMove>(plan.in, plan.out, ads.size());
  const WindowMove* const move = noting.get();
  const Lists lists = OpenLists();
  {
    const auto lock = LockDelta();
    if (!IsCurrent(lists)) return false;
    window_.BeginMove(std::move(noting));
  }
  Result<AdAmounts> change = SettledChange(lists, plan, ads.size());
  if (!change.ok()) return change.status();
  const bool whole = ForEachLiveSlice(*lists.view->live, DeltaSet::kEverything,
                                      [&](const CounterDelta& delta, uint32_t begin, uint32_t end) {
                                        if (window_.move() != move || !IsCurrent(lists)) return false;
                                        AddChange(delta, begin, end, *move, &*change);
                                        return true;
                                      });
  const auto lock = LockDelta();
  if (!whole || window_.move() != move || !IsCurrent(lists)) return false;
  window_.FinishMove(*change);
  return true;
}

// `ads` counts at least those that had something when the move began.
Result<AdAmounts> CounterView::SettledChange(const Lists& lists, const TopWindow::Plan& plan,
                                             size_t ads) const {
  AdAmounts change(ads);
  Status settled;
  if (plan.out.begin < plan.out.end) {
    settled = AddSettled(lists, Ranked(), plan.out, &change);
    for (int64_t& amount : change) amount = -amount;
  }
  if (settled.ok()) settled = AddSettled(lists, Ranked(), plan.in, &change);
  if (!settled.ok()) return settled;
  return change;
}

}  // namespace tallymark
