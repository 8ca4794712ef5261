// The part of IdentityIndex that the sealing thread calls: swapping segments and filters.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "engine/identity_index.h"
#include "engine/identity_sealer.h"
#include "format/keys.h"

namespace tallymark {

void IdentityIndex::AddSegment(const IdentitySegment& segment, bool filtered) {
  Day& day = DayFor(segment.day);
  day.segments.push_back(segment);
  if (!filtered) day.unfiltered.push_back(segment.number);
}

// Of a whole day that retention took, or already replaced by a merge. A window may still reach into
// the day: no tag may name what is gone.
void IdentityIndex::ForgetSegment(const IdentitySegment& gone) {
  Day* day = FindDay(gone.day);
  if (day == nullptr) return;
  std::erase(day->unfiltered, gone.number);
  std::erase_if(day->segments, [&](const IdentitySegment& x) { return x.number == gone.number; });
  std::replace(day->tag_segment.begin(), day->tag_segment.end(), gone.number, kInMemory);
  const bool empty = day->segments.empty() && day->live_tag < 0;
  if (empty) days_by_offset_[static_cast<size_t>(gone.day - first_day_)].reset();
}

void IdentityIndex::Publish(const IdentityManifest& next, const std::vector<IdentitySegment>& removed) {
  std::lock_guard lock(mutex_);
  for (const IdentitySegment& s : next.segments) {
    if (s.number < manifest_.next_segment) continue;
    Day& day = DayFor(s.day);
    // Entries of the frozen generation are in the day's table under frozen_tag. What was merged
    // into the new segment is filtered only if all of it was.
    bool filtered = day.table != nullptr;
    if (day.frozen_tag >= 0) day.tag_segment[static_cast<size_t>(day.frozen_tag)] = s.number;
    day.frozen_tag = -1;
    for (const IdentitySegment& gone : removed) {
      if (gone.day != s.day) continue;
      if (std::erase(day.unfiltered, gone.number) > 0) filtered = false;
      std::erase_if(day.segments, [&](const IdentitySegment& x) { return x.number == gone.number; });
      std::replace(day.tag_segment.begin(), day.tag_segment.end(), gone.number, s.number);
    }
    AddSegment(s, filtered);
  }
  for (int32_t d : frozen_.days) FindDay(d)->frozen_tag = -1;  // of days that were left out, too
  for (const IdentitySegment& gone : removed) ForgetSegment(gone);
  manifest_ = next;
  frozen_ = Frozen{};
  EvictOverBudget();
}

void IdentityIndex::DropEmptyFrozen() {
  std::lock_guard lock(mutex_);
  if (frozen_.generation && frozen_.generation->size() == 0) frozen_ = Frozen{};
}

uint64_t IdentityIndex::FilterBytes() const {
  uint64_t bytes = 0;
  for (const auto& day : days_by_offset_) {
    if (!day) continue;
    if (day->table) bytes += day->table->bytes();
    if (day->loaded) bytes += day->loaded->bytes();
  }
  return bytes;
}

// Past the bound the day that was written to longest ago loses its tables; its look-ups go to
// disk from then on.
void IdentityIndex::EvictOverBudget() {
  while (FilterBytes() > options_.filter_bytes_max) {
    Day* oldest = nullptr;
    for (const auto& day : days_by_offset_) {
      bool has = day && (day->table || day->loaded);
      if (has && (oldest == nullptr || day->touched < oldest->touched)) oldest = day.get();
    }
    if (oldest == nullptr) return;
    spdlog::warn(
        "identity filters take {} MiB of {}: that of UTC day {} since 1970 is given up, and whether an event "
        "of that day is a duplicate is asked on disk, which is slow; a larger --memory keeps it",
        FilterBytes() >> 20, options_.filter_bytes_max >> 20, oldest->day);
    oldest->table.reset();
    oldest->loaded.reset();
    oldest->trusted = false;
    oldest->unfiltered.clear();
    for (const IdentitySegment& s : oldest->segments) oldest->unfiltered.push_back(s.number);
  }
}

std::vector<int32_t> IdentityIndex::DaysToLoad() {
  // A handful of stray events is cheaper to answer from disk than to load a day for.
  constexpr uint32_t kLookupsWorthLoading = 64;
  std::lock_guard lock(mutex_);
  std::vector<int32_t> days;
  if (FilterBytes() > options_.filter_bytes_max * 9 / 10) return days;
  for (auto day = days_by_offset_.rbegin(); day != days_by_offset_.rend(); ++day) {
    if (*day && !(*day)->unfiltered.empty() && !(*day)->loaded &&
        (*day)->unfiltered_lookups >= kLookupsWorthLoading) {
      days.push_back((*day)->day);
    }
  }
  return days;
}

Status IdentityIndex::LoadFilter(int32_t day_number) {
  std::vector<IdentitySegment> wanted;
  uint8_t first_tag = 0;
  {
    std::lock_guard lock(mutex_);
    Day* day = FindDay(day_number);
    if (day == nullptr || day->loaded) return Status::Ok();
    for (const IdentitySegment& s : day->segments) {
      if (std::count(day->unfiltered.begin(), day->unfiltered.end(), s.number) > 0) wanted.push_back(s);
    }
    // With too few tags left the whole day is loaded under "anywhere": one probe a segment.
    first_tag = day->next_tag;
    if (size_t{first_tag} + wanted.size() < kTagAnywhere) {
      day->next_tag = static_cast<uint8_t>(first_tag + wanted.size());
    } else {
      first_tag = kTagAnywhere;
    }
  }
  auto table = std::make_unique<FingerprintTable>(&page_pool_);
  bool complete = true;
  for (size_t i = 0; i < wanted.size() && complete; ++i) {
    auto tag = first_tag == kTagAnywhere ? kTagAnywhere : static_cast<uint8_t>(first_tag + i);
    Status read = ForEachInSegment(*storage_, wanted[i], [&](const IdentityEntry& entry) {
      complete = complete && table->Insert(entry.id, tag);
    });
    if (!read.ok()) return read;
  }
  std::lock_guard lock(mutex_);
  Day* day = FindDay(day_number);
  if (day == nullptr || !complete) return Status::Ok();
  for (const IdentitySegment& s : wanted) {  // a merge came between: another attempt will follow
    if (std::count(day->unfiltered.begin(), day->unfiltered.end(), s.number) == 0) return Status::Ok();
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (first_tag != kTagAnywhere) day->tag_segment[first_tag + i] = wanted[i].number;
    std::erase(day->unfiltered, wanted[i].number);
  }
  day->loaded = std::move(table);
  day->touched = generation_number_;
  return Status::Ok();
}

IdentityIndex::Figures IdentityIndex::figures() const {
  std::lock_guard lock(mutex_);
  Figures figures;
  figures.in_memory = live_->size() + (frozen_.generation ? frozen_.generation->size() : 0);
  figures.segments = manifest_.segments.size();
  figures.filter_bytes = FilterBytes();
  figures.disk_lookups = disk_lookups_.load();
  figures.false_probes = false_probes_.load();
  for (const auto& day : days_by_offset_) {
    if (day && !day->unfiltered.empty() && day->unfiltered_lookups > 0) figures.loaded = false;
  }
  return figures;
}

}  // namespace tallymark
