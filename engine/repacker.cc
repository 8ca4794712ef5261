#include "engine/repacker.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <set>

#include "engine/histogram.h"
#include "engine/key_order.h"
#include "format/keys.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

// A block with fewer events than this is small.
constexpr uint32_t kSmallBlockEvents = kRawBlockEventsMax / 8;
// One step decodes about this many events; its memory is a few hundred bytes for each.
constexpr uint64_t kStepEvents = 512 * 1024;
// So many events in small blocks are repacked without waiting for the hour to go quiet.
constexpr uint64_t kPressingEvents = 2 * kStepEvents;
// Deleted blocks are given back to the disk when there are this many.
constexpr uint64_t kReclaimBlocks = 10'000;

}  // namespace

// The small blocks of the first index hour at or after *hour.
Status Repacker::ListHour(int32_t* hour, uint64_t passed_sequence, std::vector<Source>* sources, bool* more,
                          bool* waits) {
  sources->clear();
  *more = *waits = false;
  std::unique_ptr<rocksdb::Iterator> it(
      storage_->db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kRawHours)));
  for (it->Seek(HourKey{*hour, 0}.Encode()); it->Valid(); it->Next()) {
    Source source;
    if (!HourKey::Decode(ToView(it->key()), &source.key) ||
        !DecodeBlockIndex(ToView(it->value()), &source.entry)) {
      return Status::Corruption("raw_hours has an unreadable record");
    }
    if (!*more) *hour = source.key.hour;
    *more = true;
    if (source.key.hour != *hour) break;
    if (source.entry.info.count >= kSmallBlockEvents && !source.entry.spans_hours) continue;
    if (source.key.number > passed_sequence) {
      *waits = true;
    } else {
      sources->push_back(source);
    }
  }
  return FromRocks(it->status(), "list raw_hours");
}

bool Repacker::IsDue(int32_t hour, const std::vector<Source>& sources, bool waits, bool all) {
  if (sources.empty()) return false;
  const bool worth_it = sources.size() > 1 || sources[0].entry.spans_hours;
  if (!worth_it) return false;
  if (all) return true;
  uint64_t events = 0;
  for (const Source& s : sources) events += s.entry.info.count;
  if (events >= kPressingEvents) return true;
  Seen& seen = seen_[hour];
  const uint64_t newest = sources.back().key.number;
  if (seen.newest_sequence != newest || waits) seen = {newest, SteadySeconds()};
  return SteadySeconds() - seen.since_seconds >= quiet_seconds_;
}

Status Repacker::Run(uint64_t passed_sequence, bool all, const std::atomic<bool>& stop) {
  std::vector<Source> sources;
  for (int32_t hour = INT32_MIN;; ++hour) {
    bool more = false;
    bool waits = false;
    Status status = ListHour(&hour, passed_sequence, &sources, &more, &waits);
    if (!status.ok() || !more) return status.ok() ? Reclaim() : status;
    if (!IsDue(hour, sources, waits, all)) continue;
    seen_.erase(hour);
    for (size_t begin = 0; begin < sources.size() && !stop;) {
      uint64_t events = 0;
      size_t end = begin;
      while (end < sources.size() && (end == begin || events < kStepEvents))
        events += sources[end++].entry.info.count;
      status = RepackSome(
          {sources.begin() + static_cast<ptrdiff_t>(begin), sources.begin() + static_cast<ptrdiff_t>(end)});
      if (!status.ok()) return status;
      begin = end;
    }
    if (stop) return Status::Ok();
  }
}

Status Repacker::RepackSome(const std::vector<Source>& sources) {
  rocksdb::WriteBatch write;
  EventChunk chunk;
  std::vector<uint32_t> ads;
  for (const Source& s : sources) {
    std::string key = RawKey{s.key.number}.Encode();
    Result<std::string> block = storage_->Get(Family::kRaw, key);
    if (!block.ok()) return block.status();
    Status decoded = DecodeRawBlock(*block, nullptr, &chunk, &ads);
    if (!decoded.ok()) return decoded.WithContext("raw block " + std::to_string(s.key.number));
    write.Delete(storage_->handle(Family::kRaw), key);
    write.Delete(storage_->handle(Family::kRawHours), s.key.Encode());
    reclaim_first_ = std::min(reclaim_first_, s.key.number);
    reclaim_last_ = std::max(reclaim_last_, s.key.number);
  }
  std::set<int32_t> hours;
  for (const Event& e : chunk.events) hours.insert(HourOf(e.time_ns));
  Status status = TakeSmallPacked({hours.begin(), hours.end()}, &chunk, &ads, &write);
  // Unique in its hour: the newest source leaves the log with this very write.
  if (status.ok()) status = AddPacked(chunk, ads, sources.back().key.number << 16, &write);
  if (!status.ok()) return status;
  blocks_.fetch_add(sources.size());
  reclaim_blocks_ += sources.size();
  return storage_->raw_gate().Exclude(
      [&] { return FromRocks(storage_->db()->Write(rocksdb::WriteOptions(), &write), "repack"); });
}

// What earlier repackings left small is packed anew together with the newcomers.
Status Repacker::TakeSmallPacked(const std::vector<int32_t>& hours, EventChunk* chunk,
                                 std::vector<uint32_t>* ads, rocksdb::WriteBatch* write) {
  std::unique_ptr<rocksdb::Iterator> it(
      storage_->db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kPacked)));
  for (int32_t hour : hours) {
    for (it->Seek(HourKey{hour, 0}.Encode()); it->Valid(); it->Next()) {
      HourKey key;
      if (!HourKey::Decode(ToView(it->key()), &key))
        return Status::Corruption("packed has an unreadable key");
      if (key.hour != hour) break;
      Result<RawBlockInfo> info = ReadRawBlockInfo(ToView(it->value()));
      if (!info.ok()) return info.status();
      if (info->count >= kSmallBlockEvents || chunk->events.size() > 2 * kStepEvents) continue;
      Status decoded = DecodeRawBlock(ToView(it->value()), nullptr, chunk, ads);
      if (!decoded.ok()) return decoded;
      write->Delete(storage_->handle(Family::kPacked), it->key());
    }
  }
  return FromRocks(it->status(), "read packed blocks");
}

Status Repacker::AddPacked(const EventChunk& chunk, const std::vector<uint32_t>& ads, uint64_t number,
                           rocksdb::WriteBatch* write) {
  if (chunk.events.empty()) return Status::Ok();
  KeyOrder order;
  for (size_t i = 0; i < chunk.events.size(); ++i)
    order.Add(HourBits(HourOf(chunk.events[i].time_ns)), ads[i]);
  const std::span<const uint32_t> places = order.Sort();
  auto hour_at = [&](size_t i) { return HourOf(chunk.events[places[i]].time_ns); };
  std::vector<EventRef> refs;
  for (size_t i = 0; i < places.size(); ++i) {
    refs.push_back({&chunk, &chunk.events[places[i]], ads[places[i]]});
    const bool hour_ends = i + 1 == places.size() || hour_at(i + 1) != hour_at(i);
    if (!hour_ends && refs.size() < kRawBlockEventsMax) continue;
    std::string block;
    encoder_.Encode(refs, &block);
    write->Put(storage_->handle(Family::kPacked), HourKey{hour_at(i), number++}.Encode(), block);
    refs.clear();
  }
  return Status::Ok();
}

// Tombstones alone free nothing: once many blocks are gone, their stretch of the log is compacted.
Status Repacker::Reclaim() {
  if (reclaim_blocks_ < kReclaimBlocks) return Status::Ok();
  std::string first = RawKey{reclaim_first_}.Encode();
  std::string last = RawKey{reclaim_last_}.Encode();
  rocksdb::Slice begin(first);
  rocksdb::Slice end(last);
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  rocksdb::Status done = storage_->db()->CompactRange(options, storage_->handle(Family::kRaw), &begin, &end);
  if (done.ok())
    done = storage_->db()->CompactRange(options, storage_->handle(Family::kRawHours), nullptr, nullptr);
  reclaim_blocks_ = reclaim_last_ = 0;
  reclaim_first_ = UINT64_MAX;
  return FromRocks(done, "reclaim repacked blocks");
}

}  // namespace tallymark
