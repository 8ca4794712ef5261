#include "engine/hour_counter.h"

#include <string>

#include "engine/block_reader.h"
#include "engine/counted_event.h"

namespace tallymark {

Status HourCounter::CountColumnsOf(std::string_view block, int32_t hour, DeltaSet* counts) {
  Status decoded = DecodeCountColumns(block, &columns_);
  if (!decoded.ok()) return decoded;
  for (size_t i = 0; i < columns_.ads.size(); ++i) {
    const CountedEvent event(columns_.ads[i], columns_.times_ns[i], columns_.kinds[i],
                             columns_.revenue_micros[i]);
    if (event.hour == hour) event.AddTo(&counts->everything());
  }
  return Status::Ok();
}

Status HourCounter::CountEventsOf(std::string_view block, int32_t hour, DeltaSet* counts) {
  chunk_.events.clear();
  chunk_.extras.clear();
  chunk_.text.clear();
  event_ads_.clear();
  Status read = ReadBlock(block, *ads_, nullptr, &chunk_, &event_ads_);
  if (!read.ok()) return read;
  for (size_t i = 0; i < chunk_.events.size(); ++i) {
    const CountedEvent event(event_ads_[i], chunk_.events[i]);
    if (event.hour != hour) continue;
    event.AddTo(&counts->everything());
    places_.clear();
    matcher_.Match(*filters_, chunk_, chunk_.events[i], &places_);
    for (uint32_t place : places_) event.AddTo(counts->Of(filters_->number(place)));
  }
  return Status::Ok();
}

Status HourCounter::CountHour(RawIterators* raw, int32_t hour, const PositionRange& positions,
                              const std::function<Status()>& pause, DeltaSet* counts) {
  const bool plain = filters_ == nullptr || filters_->empty();
  return ForEachBlockOfHour(raw, hour, positions, false, [&](uint64_t sequence, std::string_view block) {
    Status counted = plain ? CountColumnsOf(block, hour, counts) : CountEventsOf(block, hour, counts);
    if (!counted.ok()) {
      return counted.WithContext(sequence == 0 ? "a repacked block of hour " + std::to_string(hour)
                                               : "raw block " + std::to_string(sequence));
    }
    return pause ? pause() : Status::Ok();
  });
}

Result<int32_t> HourCounter::CountHours(CountedMoment* moment, HourRange range, uint32_t rows_max,
                                        DeltaSet* counts) {
  int32_t hour = range.begin;
  while (hour < range.end) {
    Result<std::optional<int32_t>> next = NextHourOfRaw(&moment->raw, hour);
    if (!next.ok()) return next.status();
    if (!next->has_value() || **next >= range.end) return range.end;
    hour = **next;
    Status counted = CountHour(&moment->raw, hour, {0, moment->covered_sequence}, moment->pause, counts);
    if (!counted.ok()) return counted;
    ++hour;
    if (counts->rows() >= rows_max) return hour;
  }
  return range.end;
}

}  // namespace tallymark
