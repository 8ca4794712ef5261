// What CounterView adds up over all ads: top lists, and the running window of the commonest one.

#include <algorithm>

#include "engine/counter_view.h"
#include "engine/hour_range.h"
#include "format/keys.h"
#include "format/top_chunk.h"

namespace tallymark {
namespace {

// Of the live delta, for which who counts events waits: two or three milliseconds (bench/README.md).
constexpr uint32_t kSliceRows = 65536;
constexpr uint32_t kCellsAhead = 16;

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
