#include "engine/verify_identities.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <tuple>

#include "engine/block_reader.h"
#include "engine/inspect_identities.h"

namespace tallymark {
namespace {

constexpr uint64_t kRangeEntries = 4'000'000;
constexpr int kRangeBitsMax = 16;

bool InPlaceOrder(const IdentityEntry& a, const IdentityEntry& b) {
  auto key = [](const IdentityEntry& e) {
    return std::tuple(e.id.hi, e.id.lo, e.place.hour, e.place.ad, e.place.content_check);
  };
  return key(a) < key(b);
}

}  // namespace

int IdentityVerifier::RangeBits(uint64_t entries) {
  int bits = 0;
  while (bits < kRangeBitsMax && entries >> bits > kRangeEntries) ++bits;
  return bits;
}

void IdentityVerifier::ScanDay(const IdentitySegment& segment, std::map<int32_t, IdentityDigest>* days) {
  const std::string name = "identity segment " + std::to_string(segment.number);
  uint64_t entries_found = 0;
  bool unknown_ad = false;
  SegmentVisitor visitor;
  visitor.visit = [&](uint32_t, const std::vector<IdentityEntry>& entries) {
    entries_found += entries.size();
    for (const IdentityEntry& e : entries) {
      unknown_ad = unknown_ad || e.place.ad >= directory_.ads.size();
      if (directory_.RawIsGone(e.place.hour)) continue;
      (*days)[segment.day].Add(e, raw_.log_sequences.Has(e.place.sequence));
    }
    return true;
  };
  visitor.damaged = [&](const Status& status) { findings_->Damage(status.message()); };
  Status read = ScanSegment(*directory_.storage, segment, 0, UINT32_MAX, visitor);
  if (!read.ok()) findings_->Damage(read.message());
  if (unknown_ad) findings_->Damage(name + " has an ad that is not known");
  if (entries_found != segment.entries) {
    findings_->Damage(name + " holds " + std::to_string(entries_found) + " entries, the manifest says " +
                      std::to_string(segment.entries));
  }
  findings_->report().identities += entries_found;
}

void IdentityVerifier::Compare() {
  std::map<int32_t, IdentityDigest> sealed;
  size_t done = 0;
  for (const IdentitySegment& segment : directory_.identities.segments) {
    ScanDay(segment, &sealed);
    findings_->Progress(static_cast<double>(++done) /
                        static_cast<double>(directory_.identities.segments.size()));
  }
  findings_->report().identities += raw_.unsealed;
  if (!raw_.complete) return;  // told already
  std::set<int32_t> days;
  for (const auto& [day, digest] : sealed) days.insert(day);
  for (const auto& [day, digest] : raw_.days) days.insert(day);
  for (int32_t day : days) {
    auto events = raw_.days.find(day);
    const IdentityDigest truth = events == raw_.days.end() ? IdentityDigest() : events->second;
    if (!(truth == sealed[day])) CompareDay(day, std::max(truth.entries, sealed[day].entries));
  }
}

Status IdentityVerifier::ScanRange(const IdentitySegment& segment, const HashRange& range,
                                   const std::function<void(const IdentityEntry&)>& visit) const {
  // A bucket covers several ranges or a range several buckets.
  const int more_bits = segment.bucket_bits - range.bits;
  const uint32_t first = more_bits >= 0 ? range.number << more_bits : range.number >> -more_bits;
  const uint32_t last = more_bits >= 0 ? first + ((1U << more_bits) - 1) : first;
  SegmentVisitor visitor;
  visitor.visit = [&](uint32_t, const std::vector<IdentityEntry>& entries) {
    for (const IdentityEntry& e : entries) {
      if (range.Has(e.id) && !directory_.RawIsGone(e.place.hour)) visit(e);
    }
    return true;
  };
  visitor.damaged = [](const Status&) {};  // told by ScanDay
  return ScanSegment(*directory_.storage, segment, first, last, visitor);
}

Status IdentityVerifier::EventsOfDay(int32_t day, const HashRange& range,
                                     std::vector<IdentityEntry>* entries) const {
  EventChunk chunk;
  std::vector<uint32_t> ads;
  for (int32_t hour = day * kHoursPerDay; hour < (day + 1) * kHoursPerDay; ++hour) {
    if (directory_.RawIsGone(hour)) continue;
    Status read = ForEachCoveredBlock(directory_, hour, directory_.identities.covered_sequence,
                                      [&](uint64_t sequence, std::string_view block) {
                                        chunk.events.clear();
                                        chunk.extras.clear();
                                        chunk.text.clear();
                                        ads.clear();
                                        if (!ReadBlock(block, directory_.ads, nullptr, &chunk, &ads).ok())
                                          return Status::Ok();  // told
                                        for (size_t i = 0; i < chunk.events.size(); ++i) {
                                          const Event& e = chunk.events[i];
                                          if (HourOf(e.time_ns) == hour && range.Has(e.identity))
                                            entries->push_back(EntryOf(e, ads[i], sequence));
                                        }
                                        return Status::Ok();
                                      });
    if (!read.ok()) return read;
  }
  return Status::Ok();
}

void IdentityVerifier::CompareDay(int32_t day, uint64_t entries) {
  HashRange range;
  range.bits = RangeBits(entries);
  for (; range.number < 1U << range.bits; ++range.number) {
    std::vector<IdentityEntry> events;
    std::vector<IdentityEntry> sealed;
    Status read = EventsOfDay(day, range, &events);
    for (const IdentitySegment& segment : directory_.identities.segments) {
      if (segment.day != day || !read.ok()) continue;
      read = ScanRange(segment, range, [&](const IdentityEntry& e) { sealed.push_back(e); });
    }
    if (!read.ok()) {
      findings_->Damage(read.WithContext("identities of day " + std::to_string(day)).message());
      return;
    }
    Diff(&events, &sealed);
  }
}

void IdentityVerifier::Diff(std::vector<IdentityEntry>* events, std::vector<IdentityEntry>* sealed) {
  std::sort(events->begin(), events->end(), InPlaceOrder);
  std::sort(sealed->begin(), sealed->end(), InPlaceOrder);
  auto event = events->begin();
  auto entry = sealed->begin();
  while (event != events->end() || entry != sealed->end()) {
    if (entry == sealed->end() || (event != events->end() && InPlaceOrder(*event, *entry))) {
      Tell(*event++, "absent", "stored");
    } else if (event == events->end() || InPlaceOrder(*entry, *event)) {
      Tell(*entry++, "sealed", "absent");
    } else {
      const bool in_log = event->place.sequence != 0;
      if (in_log && event->place.sequence != entry->place.sequence) {
        Tell(*entry, ("in block " + std::to_string(entry->place.sequence)).c_str(),
             ("in block " + std::to_string(event->place.sequence)).c_str());
      }
      ++event;
      ++entry;
    }
  }
}

void IdentityVerifier::Tell(const IdentityEntry& entry, const char* sealed, const char* raw) {
  findings_->Mismatch(VerifyFindings::Place::kIdentities, entry.place.ad, entry.place.hour * kMsPerHour,
                      "identity " + HexOf(entry.id), sealed, raw);
}

void IdentityVerifier::FindRepeats() {
  uint64_t entries = raw_.unsealed;
  for (const IdentitySegment& segment : directory_.identities.segments) entries += segment.entries;
  HashRange range;
  range.bits = RangeBits(entries);
  EventChunk chunk;
  std::vector<uint32_t> ads;
  for (; range.number < 1U << range.bits; ++range.number) {
    std::vector<Seen> seen;
    auto take = [&](const IdentityEntry& e) { seen.push_back({e.id, e.place.hour, e.place.ad}); };
    for (const IdentitySegment& segment : directory_.identities.segments) {
      Status read = ScanRange(segment, range, take);
      if (!read.ok()) return;  // told by Compare
    }
    Status read = directory_.ForEachTailBlock(
        directory_.identities.covered_sequence, [&](uint64_t sequence, std::string_view block) {
          chunk.events.clear();
          chunk.extras.clear();
          chunk.text.clear();
          ads.clear();
          if (!ReadBlock(block, directory_.ads, nullptr, &chunk, &ads).ok()) return Status::Ok();  // told
          for (size_t i = 0; i < chunk.events.size(); ++i) {
            if (range.Has(chunk.events[i].identity)) take(EntryOf(chunk.events[i], ads[i], sequence));
          }
          return Status::Ok();
        });
    if (!read.ok()) return;  // told by the scan of raw
    CheckRepeats(&seen);
    findings_->Progress(static_cast<double>(range.number + 1) / static_cast<double>(1U << range.bits));
  }
}

void IdentityVerifier::CheckRepeats(std::vector<Seen>* seen) {
  std::sort(seen->begin(), seen->end(), [](const Seen& a, const Seen& b) {
    return std::tie(a.id, a.hour, a.ad) < std::tie(b.id, b.hour, b.ad);
  });
  // Hours tell most repeats apart; only near ones need the nanosecond of the raw record.
  const int64_t window_ns = directory_.dedup_window_ns;
  auto near = [&](const Seen& a, const Seen& b) {
    return a.id == b.id && (b.hour - a.hour - 1) * kNsPerHour < window_ns;
  };
  for (size_t i = 0; i + 1 < seen->size(); ++i) {
    if (!near((*seen)[i], (*seen)[i + 1])) continue;
    std::vector<int64_t> times;
    std::set<std::pair<int32_t, uint32_t>> places;
    size_t last = i;
    for (; last + 1 < seen->size() && near((*seen)[last], (*seen)[last + 1]); ++last) {
    }
    for (size_t k = i; k <= last; ++k) {
      const Seen& s = (*seen)[k];
      if (!places.emplace(s.hour, s.ad).second) continue;
      if (!TimesOf(s, &times).ok()) return;  // told by the scans
    }
    std::sort(times.begin(), times.end());
    for (size_t k = 1; k < times.size(); ++k) {
      if (times[k] - times[k - 1] > window_ns) continue;
      findings_->Mismatch(VerifyFindings::Place::kIdentities, (*seen)[i].ad, FloorDiv(times[k], kNsPerMs),
                          "identity " + HexOf((*seen)[i].id), "counted twice",
                          "one event within the dedup window");
    }
    i = last;
  }
}

Status IdentityVerifier::TimesOf(const Seen& seen, std::vector<int64_t>* times) const {
  return directory_.events->ForEachBlock(seen.hour, &seen.ad, [&](std::string_view block) {
    EventChunk chunk;
    std::vector<uint32_t> ads;
    if (!ReadBlock(block, directory_.ads, &seen.ad, &chunk, &ads).ok()) return Status::Ok();  // told
    for (const Event& e : chunk.events) {
      if (e.identity == seen.id && HourOf(e.time_ns) == seen.hour) times->push_back(e.time_ns);
    }
    return Status::Ok();
  });
}

}  // namespace tallymark
