#include "engine/inspect.h"

#include <algorithm>

#include "engine/block_reader.h"
#include "engine/inspect_impl.h"
#include "engine/meta_keys.h"
#include "format/identity_segment.h"
#include "format/time_text.h"

namespace tallymark {
namespace {

std::string HourText(int32_t hour) {
  return hour == INT32_MIN ? "keeps everything" : "from " + FormatRfc3339(hour * kNsPerHour);
}

Result<uint64_t> CountWaiting(const Storage& storage) {
  uint64_t count = 0;
  std::unique_ptr<rocksdb::Iterator> it(
      storage.db()->NewIterator(rocksdb::ReadOptions(), storage.handle(Family::kPendingConversions)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
  if (!it->status().ok()) return FromRocks(it->status(), "read pending_conversions");
  return count;
}

}  // namespace

Result<std::unique_ptr<Inspector>> Inspector::Open(const std::string& data_dir) {
  Result<std::unique_ptr<InspectedDirectory>> directory = InspectedDirectory::Open(data_dir);
  if (!directory.ok()) return directory.status();
  return std::unique_ptr<Inspector>(std::make_unique<InspectorImpl>(std::move(*directory)));
}

Status InspectorImpl::EventsOfHour(int32_t hour, const uint32_t* ad, const InspectRange& range,
                                   const std::function<bool(const RawEvent&)>& emit, bool* more) const {
  return directory_->events->ForEachBlock(hour, ad, [&](std::string_view block) {
    if (!*more) return Status::Ok();
    EventChunk chunk;
    std::vector<uint32_t> ads;
    Status decoded = ReadBlock(block, directory_->ads, ad, &chunk, &ads);
    if (!decoded.ok()) return decoded;
    for (const Event& e : chunk.events) {
      const bool inside = HourOf(e.time_ns) == hour && e.time_ns >= range.from_ns && e.time_ns < range.to_ns;
      if (inside && !emit(ToRawEvent(chunk, e))) {
        *more = false;
        break;
      }
    }
    return Status::Ok();
  });
}

Status InspectorImpl::ForEachEvent(const InspectRange& range,
                                   const std::function<bool(const RawEvent&)>& emit) {
  std::optional<uint32_t> ad;
  if (!range.ad_id.empty()) {
    ad = directory_->ads.Find(range.ad_id);
    if (!ad) return Status::Ok();
  }
  bool more = true;
  for (int32_t hour = std::max(HourOf(range.from_ns), directory_->retention->raw.load()); more; ++hour) {
    Result<std::optional<int32_t>> next = directory_->events->NextHour(hour);
    if (!next.ok()) return next.status();
    if (!next->has_value() || **next > HourOf(range.to_ns)) break;
    hour = **next;
    Status read = EventsOfHour(hour, ad ? &*ad : nullptr, range, emit, &more);
    if (!read.ok()) return read;
  }
  return Status::Ok();
}

Status InspectorImpl::ForEachFilter(const std::function<bool(const FilterDump&)>& emit) {
  for (const auto& [id, record] : directory_->filters) {
    const FilterVersion& newest = record.next ? *record.next : *record.current;
    FilterDump filter;
    filter.id = id;
    filter.definition = newest.definition;
    filter.ready = !record.next;
    filter.number = record.current ? record.current->number : newest.number;
    filter.active_from = newest.active_from;
    filter.job = newest.job;
    if (!emit(filter)) break;
  }
  return Status::Ok();
}

Result<std::vector<std::pair<std::string, std::string>>> InspectorImpl::Meta() {
  const InspectedDirectory& d = *directory_;
  Result<std::string> version = d.storage->Get(Family::kMeta, kMetaFormatVersion);
  if (!version.ok()) return version.status();
  uint64_t sealed = 0;
  for (const IdentitySegment& s : d.identities.segments) sealed += s.entries;
  std::vector<std::pair<std::string, std::string>> meta;
  auto number = [&](const char* name, uint64_t value) { meta.emplace_back(name, std::to_string(value)); };
  meta.emplace_back("format_version", *version);
  meta.emplace_back("live", d.live ? "true" : "false");
  number("events", d.log.events);
  number("ads", d.log.ads);
  meta.emplace_back("newest_event", d.log.events == 0 ? "none" : FormatRfc3339(d.log.newest_ns));
  Result<uint64_t> waiting = CountWaiting(*d.storage);
  if (!waiting.ok()) return waiting.status();
  number("waiting_conversions", *waiting);
  number("last_sequence", d.log.last_sequence);
  number("filters", d.filters.size());
  number("counters_position", d.counters.covered_sequence);
  number("counters_generation", d.counters.generation);
  if (d.distinct.active) number("distinct_position", d.distinct.covered_sequence);
  meta.emplace_back("distinct", !d.distinct.active
                                    ? "off"
                                    : "complete " + (d.distinct.complete_from == INT32_MIN
                                                         ? "always"
                                                         : HourText(d.distinct.complete_from)));
  number("identities_position", d.identities.covered_sequence);
  number("identity_segments", d.identities.segments.size());
  number("sealed_identities", sealed);
  meta.emplace_back("raw_kept", HourText(d.retention->raw));
  meta.emplace_back("minutes_kept", HourText(d.retention->minutes));
  meta.emplace_back("hours_kept", HourText(d.retention->hours));
  return meta;
}

}  // namespace tallymark
