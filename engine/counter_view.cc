#include "engine/counter_view.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "engine/count_event.h"
#include "engine/counter_position.h"
#include "engine/meta_keys.h"

namespace tallymark {
namespace {

// Readers wait for the writer at most this many events long.
constexpr size_t kSliceEvents = 4096;
constexpr size_t kPrefetchDistance = 16;

void AddEvent(CounterDelta* delta, TopWindow* window, uint32_t ad, int64_t time_ns, EventKind kind,
              int64_t revenue) {
  CountEvent(ad, time_ns, kind, revenue, delta);
  if (kind == EventKind::kClick) window->Add(ad, MinuteOf(time_ns), 1);
}

}  // namespace

CounterView::CounterView(Storage* storage, std::shared_ptr<RetentionPositions> retention)
    : storage_(storage), retention_(std::move(retention)), live_(std::make_shared<CounterDelta>(&pool_)) {
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

void CounterView::Apply(const Batch& batch) {
  for (size_t begin = 0; begin < batch.rows.size(); begin += kSliceEvents) {
    std::unique_lock lock(delta_mutex_);
    ApplySlice(batch, begin, std::min(batch.rows.size(), begin + kSliceEvents));
    live_rows_.store(live_->rows(), std::memory_order_relaxed);
  }
}

void CounterView::ApplySlice(const Batch& batch, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    if (i + kPrefetchDistance < end) {
      const BatchRow& ahead = batch.rows[i + kPrefetchDistance];
      live_->Prefetch(ahead.ref.ad, ahead.hour);
    }
    const BatchRow& row = batch.rows[i];
    const Event& event = *row.ref.event;
    AddEvent(live_.get(), &window_, row.ref.ad, event.time_ns, event.kind,
             event.has_revenue ? event.revenue_micros : 0);
  }
}

Status CounterView::Replay(std::string_view block) {
  CountColumns columns;
  Status decoded = DecodeCountColumns(block, &columns);
  if (!decoded.ok()) return decoded;
  std::unique_lock lock(delta_mutex_);
  for (size_t i = 0; i < columns.ads.size(); ++i) {
    AddEvent(live_.get(), &window_, columns.ads[i], columns.times_ns[i], columns.kinds[i],
             columns.revenue_micros[i]);
  }
  return Status::Ok();
}

bool CounterView::Freeze(uint64_t sequence) {
  if (sequence == covered_sequence_) return false;
  auto fresh = spare_ ? std::move(spare_) : std::make_shared<CounterDelta>(&pool_);
  {
    std::unique_lock lock(delta_mutex_);
    frozen_ = std::move(live_);
    live_ = std::move(fresh);
    live_rows_.store(0, std::memory_order_relaxed);
    Publish(NewView());
  }
  frozen_sequence_ = sequence;
  return true;
}

Status CounterView::IngestAndPublish(const std::function<Status()>& ingest) {
  std::shared_ptr<CounterDelta> done = frozen_;
  Status ingested = gate_.Exclude([&] {
    Status status = ingest();
    if (!status.ok()) return status;
    covered_sequence_ = frozen_sequence_;
    ++generation_;
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

Status CounterView::IngestReplacement(int32_t hour, const std::function<Status()>& ingest) {
  Status ingested = gate_.Exclude([&] {
    Status status = ingest();
    if (!status.ok()) return status;
    ++generation_;
    replacements_.fetch_add(1);
    return status;
  });
  if (!ingested.ok()) return ingested;
  // The running window was added up from the lists that are gone now.
  std::unique_lock lock(delta_mutex_);
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
