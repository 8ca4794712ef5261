// Counting what came while distinct counts were off, from raw.

#include <algorithm>

#include "engine/distinct_view.h"
#include "engine/event_reader.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

// Elements held before they are folded into rows.
constexpr size_t kElementsMax = 4'000'000;
// No event is older. (Days of hours near INT32_MIN do not fit 32 bits.)
constexpr int32_t kFirstHour = HourOf(INT64_MIN);

}  // namespace

// Hours from the oldest on; live events join them through the delta, and who is added by both is
// still one. Only when the last hour is through does complete_from move, so a crash begins anew.
Status DistinctView::CompleteStep(const EventReader& events, bool* more) {
  *more = false;
  const int32_t wanted = complete_from_;
  if (!enabled_ || wanted == INT32_MIN) return Status::Ok();
  const int32_t kept_from = std::max(retention_->raw.load(), retention_->hours.load());
  if (kept_from >= wanted) return Status::Ok();
  Result<std::optional<int32_t>> next = events.NextHour(std::max({next_hour_, kept_from, kFirstHour}));
  if (!next.ok()) return next.status();
  if (!next->has_value() || **next >= wanted) {
    Status written = WritePosition({covered_sequence_, kept_from, true});
    if (written.ok()) complete_from_ = kept_from;
    return written;
  }
  Status counted = CountHour(events, **next);
  next_hour_ = **next + 1;
  *more = counted.ok();
  return counted;
}

Status DistinctView::CountHour(const EventReader& events, int32_t hour) {
  Runs runs;
  size_t elements = 0;
  PeopleColumns columns;
  DistinctRunBuilder builder(memory_);
  auto flush = [&] {
    Status ingested = runs.empty() ? Status::Ok() : IngestRuns(runs);
    runs.clear();
    elements = 0;
    return ingested;
  };
  const ReadGate::Pass pass = storage_->raw_gate().Enter();
  Status read = events.ForEachBlock(hour, nullptr, [&](std::string_view block) {
    Status decoded = DecodePeopleColumns(block, &columns);
    if (!decoded.ok()) return decoded;
    std::shared_ptr<const DistinctRun> run = builder.FromBlock(columns, &hour);
    if (run == nullptr) return Status::Ok();
    elements += run->elements();
    runs.push_back(std::move(run));
    return elements < kElementsMax ? Status::Ok() : flush();
  });
  return read.ok() ? flush() : read;
}

}  // namespace tallymark
