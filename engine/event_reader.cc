#include "engine/event_reader.h"

#include <algorithm>
#include <tuple>

#include "engine/block_reader.h"
#include "format/coding.h"
#include "format/keys.h"
#include "format/text_encoding.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

// A page stops after looking at this many hours that held blocks, so that one request does a
// bounded amount of work; the cursor goes on from there.
constexpr int kHoursPerPageMax = 24 * 31;

struct SortKey {
  int64_t time_ns = 0;
  uint8_t kind = 0;
  Hash128 identity;
  auto operator<=>(const SortKey&) const = default;
};

SortKey KeyOf(const Event& e) { return {e.time_ns, static_cast<uint8_t>(e.kind), e.identity}; }

std::string EncodeCursor(const SortKey& key) {
  std::string bytes;
  PutFixed(&bytes, key.time_ns);
  PutFixed(&bytes, key.kind);
  PutFixed(&bytes, key.identity.hi);
  PutFixed(&bytes, key.identity.lo);
  return EncodeHex(bytes);
}

bool DecodeCursor(std::string_view hex, SortKey* key) {
  std::optional<std::string> bytes = DecodeHex(hex);
  if (!bytes) return false;
  std::string_view in = *bytes;
  return GetFixed(&in, &key->time_ns) && GetFixed(&in, &key->kind) && GetFixed(&in, &key->identity.hi) &&
         GetFixed(&in, &key->identity.lo) && in.empty();
}

// Keeps the first `limit` events of all it is shown, in memory bounded by twice that.
class FirstEvents {
 public:
  using Item = std::pair<SortKey, RawEvent>;
  explicit FirstEvents(size_t limit) : limit_(limit) {}

  void Add(const SortKey& key, RawEvent event) {
    if (full_ && bound_ < key) return;
    items_.emplace_back(key, std::move(event));
    if (items_.size() >= 2 * limit_) Shrink();
  }
  std::vector<Item> Take() {
    Shrink();
    return std::move(items_);
  }

 private:
  void Shrink() {
    std::sort(items_.begin(), items_.end(), [](const Item& a, const Item& b) { return a.first < b.first; });
    if (items_.size() < limit_) return;
    items_.resize(limit_);
    full_ = true;
    bound_ = items_.back().first;
  }

  const size_t limit_;
  std::vector<Item> items_;
  bool full_ = false;
  SortKey bound_;
};

bool MayHold(const BlockIndexEntry& entry, int32_t hour, const uint32_t* only_ad) {
  if (HourOf(entry.info.time_min_ns) > hour || HourOf(entry.info.time_max_ns) < hour) return false;
  return only_ad == nullptr || (entry.info.ad_min <= *only_ad && *only_ad <= entry.info.ad_max);
}

}  // namespace

Status EventReader::VisitLog(int32_t hour, const uint32_t* only_ad,
                             const std::function<Status(std::string_view)>& visit) const {
  rocksdb::ReadOptions read;
  std::unique_ptr<rocksdb::Iterator> it(
      storage_->db()->NewIterator(read, storage_->handle(Family::kRawHours)));
  // Blocks that span hours stand under their day's first hour.
  const int32_t day_first = DayOfHour(hour) * kHoursPerDay;
  std::vector<int32_t> index_hours = {hour};
  if (day_first != hour) index_hours.push_back(day_first);
  for (int32_t index_hour : index_hours) {
    for (it->Seek(HourKey{index_hour, 0}.Encode()); it->Valid(); it->Next()) {
      HourKey key;
      BlockIndexEntry entry;
      if (!HourKey::Decode(ToView(it->key()), &key) || !DecodeBlockIndex(ToView(it->value()), &entry)) {
        return Status::Corruption("raw_hours has an unreadable record");
      }
      if (key.hour != index_hour) break;
      if (!MayHold(entry, hour, only_ad)) continue;
      rocksdb::PinnableSlice block;
      rocksdb::Status got =
          storage_->db()->Get(read, storage_->handle(Family::kRaw), RawKey{key.number}.Encode(), &block);
      if (!got.ok()) return FromRocks(got, "read raw block " + std::to_string(key.number));
      Status visited = visit(ToView(block));
      if (!visited.ok()) return visited;
    }
  }
  return FromRocks(it->status(), "read raw_hours");
}

Status EventReader::VisitPacked(int32_t hour, const uint32_t* only_ad,
                                const std::function<Status(std::string_view)>& visit) const {
  rocksdb::ReadOptions read;
  std::unique_ptr<rocksdb::Iterator> it(storage_->db()->NewIterator(read, storage_->handle(Family::kPacked)));
  for (it->Seek(HourKey{hour, 0}.Encode()); it->Valid(); it->Next()) {
    HourKey key;
    if (!HourKey::Decode(ToView(it->key()), &key)) return Status::Corruption("packed has an unreadable key");
    if (key.hour != hour) break;
    if (only_ad != nullptr) {
      Result<RawBlockInfo> info = ReadRawBlockInfo(ToView(it->value()));
      if (!info.ok()) return info.status();
      if (*only_ad < info->ad_min || *only_ad > info->ad_max) continue;
    }
    Status visited = visit(ToView(it->value()));
    if (!visited.ok()) return visited;
  }
  return FromRocks(it->status(), "read packed blocks");
}

Status EventReader::ForEachBlock(int32_t hour, const uint32_t* only_ad,
                                 const std::function<Status(std::string_view)>& visit) const {
  Status log = VisitLog(hour, only_ad, visit);
  return log.ok() ? VisitPacked(hour, only_ad, visit) : log;
}

Result<std::optional<int32_t>> EventReader::NextHour(int32_t hour) const {
  rocksdb::ReadOptions read;
  std::optional<int32_t> next;
  auto take = [&](int32_t candidate) { next = next ? std::min(*next, candidate) : candidate; };
  for (Family family : {Family::kRawHours, Family::kPacked}) {
    std::unique_ptr<rocksdb::Iterator> it(storage_->db()->NewIterator(read, storage_->handle(family)));
    const bool log = family == Family::kRawHours;
    // A block under its day's first hour may reach into this hour or a later one.
    for (it->Seek(HourKey{log ? DayOfHour(hour) * kHoursPerDay : hour, 0}.Encode()); it->Valid();
         it->Next()) {
      HourKey key;
      BlockIndexEntry entry;
      if (!HourKey::Decode(ToView(it->key()), &key)) return Status::Corruption("an hour key is unreadable");
      if (!log) {
        take(key.hour);
        break;
      }
      if (!DecodeBlockIndex(ToView(it->value()), &entry))
        return Status::Corruption("raw_hours has an unreadable record");
      if (HourOf(entry.info.time_max_ns) < hour) continue;
      take(std::max(hour, HourOf(entry.info.time_min_ns)));
      if (!entry.spans_hours) break;
      if (*next == hour) break;
    }
    if (!it->status().ok()) return FromRocks(it->status(), "look for the next hour");
  }
  return next;
}

Result<EventPage> EventReader::Page(uint32_t ad, int64_t from_ns, int64_t to_ns, size_t limit,
                                    std::string_view cursor) const {
  SortKey after{from_ns, 0, {}};
  bool resumed = false;
  if (!cursor.empty()) {
    if (!DecodeCursor(cursor, &after)) return Status::Invalid("the cursor is not one of ours");
    resumed = true;
  }
  EventPage page;
  page.scanned_to_ns = to_ns;
  int32_t hour = HourOf(after.time_ns);
  for (int looked_at = 0;; ++looked_at) {
    Result<std::optional<int32_t>> next = NextHour(hour);
    if (!next.ok()) return next.status();
    if (!next->has_value() || **next * kNsPerHour >= to_ns) return page;
    hour = **next;
    if (looked_at == kHoursPerPageMax) {
      page.scanned_to_ns = hour * kNsPerHour;
      page.cursor = EncodeCursor({page.scanned_to_ns, 0, {}});
      return page;
    }
    ReadGate::Pass pass = storage_->raw_gate().Enter();
    FirstEvents first(limit - page.events.size());
    Status read = ForEachBlock(hour, &ad, [&](std::string_view block) {
      EventChunk chunk;
      std::vector<uint32_t> ads;
      Status decoded = ReadBlock(block, *ads_, &ad, &chunk, &ads);
      for (const Event& e : chunk.events) {
        const bool inside = HourOf(e.time_ns) == hour && e.time_ns >= from_ns && e.time_ns < to_ns;
        if (decoded.ok() && inside && (!resumed || KeyOf(e) > after))
          first.Add(KeyOf(e), ToRawEvent(chunk, e));
      }
      return decoded;
    });
    if (!read.ok()) return read;
    for (auto& [key, event] : first.Take()) {
      page.events.push_back(std::move(event));
      if (page.events.size() < limit) continue;
      page.cursor = EncodeCursor(key);
      page.scanned_to_ns = key.time_ns;
      return page;
    }
    ++hour;
  }
}

Status EventReader::EventsOf(const Hash128& id, const IdentityPlace& place, EventChunk* chunk,
                             std::vector<uint32_t>* ads) const {
  ReadGate::Pass pass = storage_->raw_gate().Enter();
  auto collect = [&](std::string_view block) {
    const size_t first = chunk->events.size();
    Status read = ReadBlock(block, *ads_, &place.ad, chunk, ads);
    if (!read.ok()) return read;
    size_t kept = first;
    for (size_t i = first; i < chunk->events.size(); ++i) {
      const Event& e = chunk->events[i];
      if (e.identity == id && HourOf(e.time_ns) == place.hour) chunk->events[kept++] = e;
    }
    chunk->events.resize(kept);
    ads->resize(kept, place.ad);
    return read;
  };
  Result<std::string> block = storage_->Get(Family::kRaw, RawKey{place.sequence}.Encode());
  if (block.ok()) return collect(*block);
  if (block.status().code() != Code::kNotFound) return block.status();
  return VisitPacked(place.hour, &place.ad, collect);
}

Result<std::vector<int64_t>> EventReader::TimesOf(const Hash128& id, const IdentityPlace& place) const {
  EventChunk chunk;
  std::vector<uint32_t> ads;
  Status read = EventsOf(id, place, &chunk, &ads);
  if (!read.ok()) return read;
  std::vector<int64_t> times;
  for (const Event& e : chunk.events) times.push_back(e.time_ns);
  return times;
}

}  // namespace tallymark
