#include "engine/counted_moment.h"

#include "engine/count_event.h"
#include "format/raw_block.h"
#include "format/time_units.h"

namespace tallymark {

void CountedMoment::OpenIterators(const Storage& storage) {
  rocksdb::ReadOptions read;
  read.total_order_seek = true;
  read.fill_cache = false;
  auto open = [&](Family family) {
    return std::unique_ptr<rocksdb::Iterator>(storage.db()->NewIterator(read, storage.handle(family)));
  };
  rows = open(Family::kCounters);
  top_minutes = open(Family::kTopMinutes);
  top_hours = open(Family::kTopHours);
  raw = RawIterators::Open(storage);
}

Status CountHour(RawIterators* raw, int32_t hour, const PositionRange& positions,
                 const std::function<Status()>& pause, CounterDelta* delta) {
  CountColumns columns;
  return ForEachBlockOfHour(raw, hour, positions, false, [&](uint64_t sequence, std::string_view block) {
    Status decoded = DecodeCountColumns(block, &columns);
    if (!decoded.ok()) {
      return decoded.WithContext(sequence == 0 ? "a repacked block of hour " + std::to_string(hour)
                                               : "raw block " + std::to_string(sequence));
    }
    for (size_t i = 0; i < columns.ads.size(); ++i) {
      if (HourOf(columns.times_ns[i]) != hour) continue;
      CountEvent(columns.ads[i], columns.times_ns[i], columns.kinds[i], columns.revenue_micros[i], delta);
    }
    return pause ? pause() : Status::Ok();
  });
}

Result<int32_t> CountHours(CountedMoment* moment, HourRange range, uint32_t rows_max, CounterDelta* delta) {
  int32_t hour = range.begin;
  while (hour < range.end) {
    Result<std::optional<int32_t>> next = NextHourOfRaw(&moment->raw, hour);
    if (!next.ok()) return next.status();
    if (!next->has_value() || **next >= range.end) return range.end;
    hour = **next;
    Status counted = CountHour(&moment->raw, hour, {0, moment->covered_sequence}, moment->pause, delta);
    if (!counted.ok()) return counted;
    ++hour;
    if (delta->rows() >= rows_max) return hour;
  }
  return range.end;
}

}  // namespace tallymark
