#include "engine/raw_iterators.h"

#include <algorithm>
#include <string>

#include "format/block_index.h"
#include "format/keys.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

Status VisitIndexHour(RawIterators* raw, int32_t index_hour, int32_t hour, const PositionRange& positions,
                      bool skip_missing, const VisitBlock& visit) {
  for (raw->hours->Seek(HourKey{index_hour, 0}.Encode()); raw->hours->Valid(); raw->hours->Next()) {
    HourKey key;
    BlockIndexEntry entry;
    if (!HourKey::Decode(ToView(raw->hours->key()), &key) ||
        !DecodeBlockIndex(ToView(raw->hours->value()), &entry)) {
      return Status::Corruption("raw_hours has an unreadable record");
    }
    if (key.hour != index_hour) break;
    const bool may_hold = HourOf(entry.info.time_min_ns) <= hour && HourOf(entry.info.time_max_ns) >= hour;
    if (key.number <= positions.after || key.number > positions.last || !may_hold) continue;
    const std::string block_key = RawKey{key.number}.Encode();
    raw->log->Seek(block_key);
    if (!raw->log->status().ok()) return FromRocks(raw->log->status(), "read raw blocks");
    if (!raw->log->Valid() || raw->log->key() != block_key) {
      if (skip_missing) continue;
      return Status::Corruption("raw block " + std::to_string(key.number) + " is missing");
    }
    Status visited = visit(key.number, ToView(raw->log->value()));
    if (!visited.ok()) return visited;
  }
  return FromRocks(raw->hours->status(), "read raw_hours");
}

}  // namespace

RawIterators RawIterators::Open(const Storage& storage) {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  auto open = [&](Family family) {
    return std::unique_ptr<rocksdb::Iterator>(storage.db()->NewIterator(read, storage.handle(family)));
  };
  return {open(Family::kRaw), open(Family::kRawHours), open(Family::kPacked)};
}

Status ForEachBlockOfHour(RawIterators* raw, int32_t hour, const PositionRange& positions, bool skip_missing,
                          const VisitBlock& visit) {
  // Blocks that span hours stand under their day's first hour.
  const int32_t day_first = DayOfHour(hour) * kHoursPerDay;
  Status status;
  if (day_first != hour) status = VisitIndexHour(raw, day_first, hour, positions, skip_missing, visit);
  if (status.ok()) status = VisitIndexHour(raw, hour, hour, positions, skip_missing, visit);
  if (!status.ok() || positions.after != 0) return status;
  for (raw->packed->Seek(HourKey{hour, 0}.Encode()); raw->packed->Valid(); raw->packed->Next()) {
    HourKey key;
    if (!HourKey::Decode(ToView(raw->packed->key()), &key))
      return Status::Corruption("packed has an unreadable key");
    if (key.hour != hour) break;
    status = visit(0, ToView(raw->packed->value()));
    if (!status.ok()) return status;
  }
  return FromRocks(raw->packed->status(), "read packed blocks");
}

Result<std::optional<int32_t>> NextHourOfRaw(RawIterators* raw, int32_t hour) {
  std::optional<int32_t> next;
  auto take = [&](int32_t candidate) { next = next ? std::min(*next, candidate) : candidate; };
  rocksdb::Iterator* hours = raw->hours.get();
  // A block under its day's first hour may reach into this hour or a later one.
  for (hours->Seek(HourKey{DayOfHour(hour) * kHoursPerDay, 0}.Encode()); hours->Valid(); hours->Next()) {
    HourKey key;
    BlockIndexEntry entry;
    if (!HourKey::Decode(ToView(hours->key()), &key) || !DecodeBlockIndex(ToView(hours->value()), &entry))
      return Status::Corruption("raw_hours has an unreadable record");
    if (HourOf(entry.info.time_max_ns) < hour) continue;
    take(std::max(hour, HourOf(entry.info.time_min_ns)));
    if (!entry.spans_hours || *next == hour) break;
  }
  if (!hours->status().ok()) return FromRocks(hours->status(), "read raw_hours");
  raw->packed->Seek(HourKey{hour, 0}.Encode());
  if (raw->packed->Valid()) {
    HourKey key;
    if (!HourKey::Decode(ToView(raw->packed->key()), &key))
      return Status::Corruption("packed has an unreadable key");
    take(key.hour);
  }
  if (!raw->packed->status().ok()) return FromRocks(raw->packed->status(), "read packed blocks");
  return next;
}

}  // namespace tallymark
