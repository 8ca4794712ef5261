#include "engine/identity_index.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "engine/identity_sealer.h"
#include "engine/meta_keys.h"
#include "format/keys.h"
#include "format/time_units.h"

namespace tallymark {

IdentityIndex::IdentityIndex(Storage* storage, IdentityIndexOptions options, ExactTimes exact_times)
    : storage_(storage),
      options_(options),
      exact_times_(std::move(exact_times)),
      live_(std::make_shared<IdentityGeneration>(&entry_pool_)) {}

Status IdentityIndex::Load() {
  Result<std::string> stored = storage_->Get(Family::kPositions, kPositionIdentities);
  if (!stored.ok()) {
    return stored.status().code() == Code::kNotFound ? RemoveOrphans() : stored.status();
  }
  if (!manifest_.Decode(*stored)) return Status::Corruption("positions/identities is unreadable");
  for (const IdentitySegment& s : manifest_.segments) AddSegment(s, false);
  return RemoveOrphans();
}

// A segment on disk that the manifest does not list was written by a merge whose clean-up a crash
// cut short, or replaced by one. Nothing refers to it.
Status IdentityIndex::RemoveOrphans() {
  std::unique_ptr<rocksdb::Iterator> it(
      storage_->db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kIdentities)));
  std::vector<IdentitySegment> orphans;
  for (it->SeekToFirst(); it->Valid();) {
    IdentityKey key;
    if (!IdentityKey::Decode(ToView(it->key()), &key))
      return Status::Corruption("a key of identities is unreadable");
    bool listed =
        std::any_of(manifest_.segments.begin(), manifest_.segments.end(),
                    [&](const IdentitySegment& s) { return s.day == key.day && s.number == key.segment; });
    if (!listed) orphans.push_back({key.day, key.segment, 0, 0});
    it->Seek(IdentityKey{key.day, key.segment + 1, 0}.Encode());
  }
  if (!it->status().ok()) return FromRocks(it->status(), "list identity segments");
  it.reset();
  return DeleteSegments(storage_, orphans);
}

IdentityIndex::Day* IdentityIndex::FindDay(int32_t day) const {
  auto offset = static_cast<size_t>(static_cast<int64_t>(day) - first_day_);
  return offset < days_by_offset_.size() ? days_by_offset_[offset].get() : nullptr;
}

IdentityIndex::Day& IdentityIndex::DayFor(int32_t day) {
  if (Day* found = FindDay(day)) return *found;
  if (days_by_offset_.empty()) first_day_ = day;
  if (day < first_day_) {
    std::vector<std::unique_ptr<Day>> wider(static_cast<size_t>(first_day_ - day));
    for (auto& d : days_by_offset_) wider.push_back(std::move(d));
    days_by_offset_.swap(wider);
    first_day_ = day;
  }
  auto offset = static_cast<size_t>(day - first_day_);
  if (offset >= days_by_offset_.size()) days_by_offset_.resize(offset + 1);
  auto fresh = std::make_unique<Day>();
  fresh->day = day;
  fresh->table = std::make_unique<FingerprintTable>(&page_pool_);
  days_by_offset_[offset] = std::move(fresh);
  return *days_by_offset_[offset];
}

// Calls visit(table, event) for each event and the tables of the days that may be within its window,
// table by table while events have the same days.
template <class Visit>
void IdentityIndex::ForEachTable(std::span<const Event> events, Visit&& visit) const {
  for (size_t begin = 0, end = 0; begin < events.size(); begin = end) {
    const int32_t first = DayOf(events[begin].time_ns - options_.window_ns);
    const int32_t last = DayOf(events[begin].time_ns + options_.window_ns);
    for (end = begin + 1; end < events.size(); ++end) {
      if (DayOf(events[end].time_ns - options_.window_ns) != first) break;
      if (DayOf(events[end].time_ns + options_.window_ns) != last) break;
    }
    const std::span<const Event> alike = events.subspan(begin, end - begin);
    for (int32_t day = first; day <= last; ++day) {
      const Day* d = FindDay(day);
      if (d == nullptr) continue;
      for (const FingerprintTable* table : {d->table.get(), d->loaded.get()}) {
        if (table == nullptr) continue;
        for (const Event& event : alike) visit(*table, event);
      }
    }
  }
}

void IdentityIndex::PrefetchDirectories(std::span<const Event> events) const {
  ForEachTable(events, [](const FingerprintTable& table, const Event& event) {
    table.PrefetchDirectory(event.identity);
  });
}

void IdentityIndex::Prefetch(std::span<const Event> events) const {
  for (const Event& event : events) live_->Prefetch(event.identity);
  ForEachTable(events,
               [](const FingerprintTable& table, const Event& event) { table.Prefetch(event.identity); });
}

void IdentityIndex::Candidates::Add(uint32_t segment) {
  if (segment == kInMemory) {
    memory = true;
  } else if (std::find(segments.begin(), segments.end(), segment) == segments.end()) {
    segments.push_back(segment);
  }
}

void IdentityIndex::CollectTag(Day& day, uint8_t tag, Candidates* out) const {
  if (tag != kTagAnywhere) {
    out->Add(day.tag_segment[tag]);
    return;
  }
  out->memory = true;
  for (const IdentitySegment& s : day.segments) out->Add(s.number);
}

void IdentityIndex::Collect(Day& day, const Hash128& id, Candidates* out) {
  out->segments.clear();
  if (day.table) day.table->Find(id, [&](uint8_t tag) { CollectTag(day, tag, out); });
  if (day.loaded) day.loaded->Find(id, [&](uint8_t tag) { CollectTag(day, tag, out); });
  if (!day.trusted) out->memory = true;
  if (!day.unfiltered.empty()) {
    ++day.unfiltered_lookups;
    for (uint32_t s : day.unfiltered) out->Add(s);
  }
}

Result<IdentityIndex::Verdict> IdentityIndex::Settle(const Event& event, uint32_t ad, uint32_t* number) {
  Result<Verdict> verdict = Judge(event);
  if (verdict.ok() && *verdict == Verdict::kNew) Accept(event, ad, number);
  return verdict;
}

Result<IdentityIndex::Verdict> IdentityIndex::Judge(const Event& event) {
  const int32_t first = DayOf(event.time_ns - options_.window_ns);
  const int32_t last = DayOf(event.time_ns + options_.window_ns);
  Candidates& candidates = scratch_candidates_;
  candidates.memory = false;
  bool asked_memory = false;
  for (int32_t day = first; day <= last; ++day) {
    Day* d = FindDay(day);
    if (d == nullptr) continue;
    Collect(*d, event.identity, &candidates);
    if (candidates.memory && !asked_memory) {
      asked_memory = true;
      Verdict verdict = Verdict::kNew;
      auto matches = [&](const LiveIdentity& entry) {
        int64_t distance = std::llabs(entry.time_ns - event.time_ns);
        if (distance > options_.window_ns) return false;
        verdict = entry.content_check == event.content_check ? Verdict::kDuplicate : Verdict::kConflict;
        return true;
      };
      if (live_->FindMatch(event.identity, matches)) return verdict;
      if (frozen_.generation && frozen_.generation->FindMatch(event.identity, matches)) return verdict;
    }
    for (uint32_t segment : candidates.segments) {
      bool found = false;
      Result<Verdict> verdict = AskDisk(*d, segment, event, &found);
      if (!verdict.ok() || found) return verdict;
    }
  }
  return Verdict::kNew;
}

void IdentityIndex::Accept(const Event& event, uint32_t ad, uint32_t* number) {
  LiveIdentity entry;
  entry.id = event.identity;
  entry.time_ns = event.time_ns;
  entry.ad = ad;
  entry.content_check = event.content_check;
  Enter(entry, number);
}

Status IdentityIndex::FindAll(const Hash128& id, int64_t first_ns, int64_t last_ns,
                              std::vector<Found>* found) {
  if (days_by_offset_.empty()) return Status::Ok();
  const int32_t last_day = first_day_ + static_cast<int32_t>(days_by_offset_.size()) - 1;
  Candidates& candidates = scratch_candidates_;
  candidates.memory = false;
  for (int32_t day = std::max(DayOf(first_ns), first_day_); day <= std::min(DayOf(last_ns), last_day);
       ++day) {
    Day* d = FindDay(day);
    if (d == nullptr) continue;
    Collect(*d, id, &candidates);
    for (uint32_t segment : candidates.segments) {
      Status read = ReadPlaces(*d, segment, id);
      if (!read.ok()) return read;
      for (const IdentityPlace& place : scratch_places_)
        found->push_back({place, place.hour * kNsPerHour, nullptr, 0});
    }
  }
  if (!candidates.memory) return Status::Ok();
  for (const auto& generation : {live_, frozen_.generation}) {
    if (generation == nullptr) continue;
    generation->ForEachMatch(id, [&](uint32_t number, const LiveIdentity& entry) {
      const auto check = static_cast<uint16_t>(entry.content_check);
      found->push_back({{HourOf(entry.time_ns), entry.ad, 0, check}, entry.time_ns, generation, number});
    });
  }
  return Status::Ok();
}

// Leaves the places of this identity in scratch_places_.
Status IdentityIndex::ReadPlaces(const Day& day, uint32_t segment, const Hash128& id) {
  auto info = std::find_if(day.segments.begin(), day.segments.end(),
                           [&](const IdentitySegment& s) { return s.number == segment; });
  if (info == day.segments.end()) std::abort();  // a tag that names no segment: our bug
  disk_lookups_.fetch_add(1, std::memory_order_relaxed);
  IdentityKey key{day.day, segment, BucketOf(id, info->bucket_bits)};
  rocksdb::ReadOptions once;
  once.fill_cache = false;        // any other bucket is as likely to be asked for next
  once.verify_checksums = false;  // a bucket has its own
  rocksdb::PinnableSlice bucket;
  rocksdb::Status read =
      storage_->db()->Get(once, storage_->handle(Family::kIdentities), key.Encode(), &bucket);
  scratch_places_.clear();
  if (!read.IsNotFound()) {
    if (!read.ok()) return FromRocks(read, "read an identity bucket");
    Status parsed = FindIdentity(ToView(bucket), info->bucket_bits, day.day, id, &scratch_places_);
    if (!parsed.ok()) return parsed;
  }
  if (scratch_places_.empty()) false_probes_.fetch_add(1, std::memory_order_relaxed);
  return Status::Ok();
}

Result<IdentityIndex::Verdict> IdentityIndex::AskDisk(const Day& day, uint32_t segment, const Event& event,
                                                      bool* found) {
  Status read = ReadPlaces(day, segment, event.identity);
  if (!read.ok()) return read;
  for (const IdentityPlace& place : scratch_places_) {
    Result<bool> within = WithinWindow(event, place);
    if (!within.ok()) return within.status();
    if (!*within) continue;
    *found = true;
    return place.content_check == event.content_check ? Verdict::kDuplicate : Verdict::kConflict;
  }
  return Verdict::kNew;
}

// The place knows the hour only. When the whole hour lies inside or outside the window that is
// enough; else the raw record has the nanosecond.
Result<bool> IdentityIndex::WithinWindow(const Event& event, const IdentityPlace& place) const {
  const int64_t hour_begin = place.hour * kNsPerHour;
  const int64_t hour_last = hour_begin + kNsPerHour - 1;
  auto inside = [&](int64_t time) { return std::llabs(time - event.time_ns) <= options_.window_ns; };
  if (inside(hour_begin) && inside(hour_last)) return true;
  const bool spans_event = hour_begin <= event.time_ns && event.time_ns <= hour_last;
  if (!inside(hour_begin) && !inside(hour_last) && !spans_event) return false;
  Result<std::vector<int64_t>> times = exact_times_(event.identity, place);
  if (!times.ok()) return times.status();
  return std::any_of(times->begin(), times->end(), inside);
}

uint8_t IdentityIndex::TakeTag(Day& day) {
  if (day.live_tag < 0) {
    day.live_tag = day.next_tag < kTagAnywhere ? day.next_tag++ : kTagAnywhere;
    day.tag_segment[static_cast<size_t>(day.live_tag)] = kInMemory;
    live_days_.push_back(day.day);
  }
  return static_cast<uint8_t>(day.live_tag);
}

void IdentityIndex::Enter(const LiveIdentity& entry, uint32_t* number) {
  Day& day = DayFor(DayOf(entry.time_ns));
  *number = live_->Insert(entry);
  day.touched = generation_number_;
  uint8_t tag = TakeTag(day);
  if (day.table && !day.table->Insert(entry.id, tag)) {
    // More tags of one fingerprint than a page can hold: give the day's filter up, look-ups go to disk.
    day.table.reset();
    day.loaded.reset();
    day.trusted = false;
    day.unfiltered.clear();
    for (const IdentitySegment& s : day.segments) day.unfiltered.push_back(s.number);
  }
}

void IdentityIndex::Replay(const Event& event, uint32_t ad, uint64_t sequence) {
  LiveIdentity entry;
  entry.id = event.identity;
  entry.time_ns = event.time_ns;
  entry.ad = ad;
  entry.content_check = event.content_check;
  entry.sequence = sequence;
  uint32_t number = 0;
  Enter(entry, &number);
}

void IdentityIndex::SwitchGeneration() {
  frozen_.generation = std::move(live_);
  frozen_.days = std::move(live_days_);
  live_ = std::make_shared<IdentityGeneration>(&entry_pool_, frozen_.generation->size());
  live_days_.clear();
  ++generation_number_;
  for (int32_t d : frozen_.days) {
    Day* day = FindDay(d);
    day->frozen_tag = std::exchange(day->live_tag, -1);
  }
}

IdentityManifest IdentityIndex::manifest() const {
  std::lock_guard lock(mutex_);
  return manifest_;
}

}  // namespace tallymark
