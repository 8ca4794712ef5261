#include "engine/counter_view.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <thread>

#include "engine/block_reader.h"
#include "engine/counted_event.h"
#include "engine/counter_position.h"
#include "engine/meta_keys.h"
#include "format/prefetch.h"

namespace tallymark {
namespace {

// Readers wait for the writer at most this many events long.
constexpr size_t kSliceEvents = 4096;
constexpr size_t kPrefetchDistance = 16;
// Room for some 50,000 rows of 200 bytes (reckoned): ads that are asked for again and again.
constexpr size_t kRowCacheBytes = 16 << 20;

}  // namespace

CounterView::CounterView(Storage* storage, std::shared_ptr<RetentionPositions> retention)
    : storage_(storage),
      retention_(std::move(retention)),
      live_(std::make_shared<DeltaSet>(&pools_)),
      rows_(kRowCacheBytes) {
  Publish(NewView());
}

Status CounterView::Load() {
  Result<std::string> stored = storage_->Get(Family::kPositions, kPositionCounters);
  if (!stored.ok()) return stored.status().code() == Code::kNotFound ? Status::Ok() : stored.status();
  CounterPosition position;
  if (!position.Decode(*stored)) return Status::Corruption("positions/counters is unreadable");
  covered_sequence_ = position.covered_sequence;
  generation_ = position.generation;
  return Status::Ok();
}

std::shared_ptr<const ReadView> CounterView::Acquire() const {
  std::lock_guard lock(view_mutex_);
  return view_;
}

void CounterView::Publish(std::shared_ptr<const ReadView> next) {
  std::lock_guard lock(view_mutex_);
  view_.swap(next);
}

// Until the present view is the only one.
void CounterView::WaitForFormerReaders() {
  while (views_alive_.load(std::memory_order_acquire) > 1) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

std::shared_ptr<const ReadView> CounterView::NewView() {
  return std::make_shared<const ReadView>(frozen_, live_, &views_alive_);
}

std::unique_lock<std::shared_mutex> CounterView::LockDelta() {
  std::lock_guard turn(turn_mutex_);
  return std::unique_lock(delta_mutex_);
}

void CounterView::Apply(const Batch& batch) {
  if (batch.filters != placed_set_) {
    placed_set_ = batch.filters;
    placed_.assign(placed_set_ ? placed_set_->size() : 0, nullptr);
  }
  size_t match = 0;
  for (size_t begin = 0; begin < batch.counted.size(); begin += kSliceEvents) {
    const size_t end = std::min(batch.counted.size(), begin + kSliceEvents);
    const auto lock = LockDelta();
    ApplySlice(batch, begin, end);
    ApplyMatches(batch, end, &match);
  }
  live_rows_.store(live_->rows(), std::memory_order_relaxed);
}

CounterDelta* CounterView::DeltaOf(uint32_t place) {
  if (placed_[place] == nullptr) placed_[place] = live_->Of(placed_set_->number(place));
  return placed_[place];
}

// Before the rows from `begin` on are counted: their cells, and slots and totals of the group after them.
void CounterView::PrefetchRows(std::span<const CountedEvent> counted, size_t begin) const {
  const CounterDelta& everything = live_->everything();
  for (const CountedEvent& row : PrefetchGroup(counted, begin, 0)) row.PrefetchIn(everything);
  for (const CountedEvent& row : PrefetchGroup(counted, begin, 1)) {
    everything.Prefetch(row.ad, row.hour);
    window_.Prefetch(row.ad);
  }
}

// Rows are sorted by ad and, within one, as they came: what a cell gets mostly lies together.
void CounterView::ApplySlice(const Batch& batch, size_t begin, size_t end) {
  CounterDelta& everything = live_->everything();
  const std::vector<CountedEvent>& counted = batch.counted;
  size_t asked_for = begin;
  for (size_t i = begin, next = begin; i < end; i = next) {
    for (next = i + 1; next < end && counted[next].Repeats(counted[i]);) ++next;
    for (; asked_for <= i; asked_for += kPrefetchGroup) PrefetchRows(counted, asked_for);
    const auto times = static_cast<int64_t>(next - i);
    counted[i].AddTo(&everything, times);
    counted[i].AddTo(&window_, times);
  }
}

// Of the rows before `end`; `match` goes through batch.matches, which are by row.
void CounterView::ApplyMatches(const Batch& batch, size_t end, size_t* match) {
  const std::vector<FilterMatch>& matches = batch.matches;
  for (; *match < matches.size() && matches[*match].row < end; ++*match) {
    if (*match + kPrefetchDistance < matches.size()) {
      const FilterMatch& ahead = matches[*match + kPrefetchDistance];
      DeltaOf(ahead.place)->Prefetch(batch.counted[ahead.row].ad, batch.counted[ahead.row].hour);
    }
    batch.counted[matches[*match].row].AddTo(DeltaOf(matches[*match].place));
  }
}

Status CounterView::Replay(uint64_t sequence, std::string_view block, const FilterSet& filters,
                           const AdTable& ads) {
  if (filters.empty()) {
    CountColumns columns;
    Status decoded = DecodeCountColumns(block, &columns);
    if (!decoded.ok()) return decoded;
    const auto lock = LockDelta();
    for (size_t i = 0; i < columns.ads.size(); ++i) {
      const CountedEvent counted(columns.ads[i], columns.times_ns[i], columns.kinds[i],
                                 columns.revenue_micros[i]);
      counted.AddTo(&live_->everything());
      counted.AddTo(&window_);
    }
    return Status::Ok();
  }
  EventChunk chunk;
  std::vector<uint32_t> numbers;
  Status decoded = ReadBlock(block, ads, nullptr, &chunk, &numbers);
  if (!decoded.ok()) return decoded;
  const auto lock = LockDelta();
  std::vector<uint32_t> places;
  for (size_t i = 0; i < chunk.events.size(); ++i) {
    const CountedEvent counted(numbers[i], chunk.events[i]);
    counted.AddTo(&live_->everything());
    counted.AddTo(&window_);
    places.clear();
    matcher_.Match(filters, chunk, chunk.events[i], &places);
    for (uint32_t place : places) {
      if (filters.active_from(place) < sequence) counted.AddTo(live_->Of(filters.number(place)));
    }
  }
  return Status::Ok();
}

bool CounterView::Freeze(uint64_t sequence) {
  if (sequence == covered_sequence_) return false;
  auto fresh = spare_ ? std::move(spare_) : std::make_shared<DeltaSet>(&pools_);
  {
    const auto lock = LockDelta();
    frozen_ = std::move(live_);
    live_ = std::move(fresh);
    placed_.assign(placed_.size(), nullptr);
    live_rows_.store(0, std::memory_order_relaxed);
    Publish(NewView());
  }
  frozen_sequence_ = sequence;
  return true;
}

Status CounterView::IngestAndPublish(const std::function<Status()>& ingest) {
  std::shared_ptr<DeltaSet> done = frozen_;
  Status ingested = IngestAside([&] {
    Status status = ingest();
    if (!status.ok()) return status;
    covered_sequence_ = frozen_sequence_;
    frozen_.reset();
    Publish(NewView());
    return status;
  });
  if (!ingested.ok()) return ingested;
  WaitForFormerReaders();
  done->Clear();
  spare_ = std::move(done);
  return Status::Ok();
}

Status CounterView::IngestAside(const std::function<Status()>& ingest) {
  return gate_.Exclude([&] {
    rows_.ForgetAll();
    Status status = ingest();
    if (status.ok()) ++generation_;
    return status;
  });
}

Status CounterView::IngestReplacement(int32_t hour, const std::function<Status()>& ingest) {
  Status ingested = IngestAside([&] {
    Status status = ingest();
    if (status.ok()) replacements_.fetch_add(1);
    return status;
  });
  if (!ingested.ok()) return ingested;
  // The running window was added up from the lists that are gone now.
  const auto lock = LockDelta();
  const int32_t begin = hour * kMinutesPerHour;
  if (window_.valid() && begin < window_.end() &&
      begin + kMinutesPerHour > window_.end() - TopWindow::kMinutes)
    window_ = TopWindow();
  return Status::Ok();
}

uint32_t CounterView::delta_rows() const {
  std::shared_lock lock(delta_mutex_);
  auto view = Acquire();
  return view->live->rows() + (view->frozen ? view->frozen->rows() : 0);
}

uint64_t CounterView::delta_bytes() const {
  std::shared_lock lock(delta_mutex_);
  auto view = Acquire();
  return view->live->bytes() + (view->frozen ? view->frozen->bytes() : 0);
}

}  // namespace tallymark
