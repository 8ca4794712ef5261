#include "engine/verify_raw.h"

#include <algorithm>

#include "engine/block_reader.h"
#include "engine/counted_event.h"
#include "engine/filter_matcher.h"
#include "engine/inspect_identities.h"
#include "format/block_index.h"
#include "format/keys.h"

namespace tallymark {
namespace {

constexpr uint64_t kBlocksPerProgress = 64;

// A damaged block costs a line, never the rest.
class RawScan {
 public:
  RawScan(const InspectedDirectory& directory, VerifyFindings* findings, RawTruth* truth)
      : directory_(directory), findings_(findings), truth_(truth), filters_(WholeSet(directory)) {}

  void Run() {
    ScanLog();
    ScanPacked();
    ScanIndex();
    const uint64_t events = findings_->report().events;
    const bool all_kept = directory_.retention->raw == INT32_MIN;
    if (all_kept && truth_->complete && events != directory_.log.events) {
      findings_->Damage("raw holds " + std::to_string(events) + " events, meta/log_state counts " +
                        std::to_string(directory_.log.events));
    }
  }

 private:
  static FilterSet WholeSet(const InspectedDirectory& directory) {
    std::vector<FilterSet::Member> members;
    for (const CountedFilter& filter : directory.WholeFilters()) {
      if (filter.number != 0) members.push_back({filter.number, filter.active_from, filter.definition});
    }
    return FilterSet(std::move(members));
  }
  std::unique_ptr<rocksdb::Iterator> NewIterator(Family family) const {
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    read.readahead_size = 4 << 20;
    rocksdb::DB* db = directory_.storage->db();
    return std::unique_ptr<rocksdb::Iterator>(db->NewIterator(read, directory_.storage->handle(family)));
  }
  void EndScan(const rocksdb::Iterator& it, Family family) {
    if (it.status().ok()) return;
    truth_->complete = false;
    findings_->Damage(FromRocks(it.status(), "read " + std::string(FamilyName(family))).message());
  }

  void ScanLog() {
    const InspectedDirectory& d = directory_;
    uint64_t expected = d.PassedSequence() + 1;
    auto it = NewIterator(Family::kRaw);
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      RawKey key;
      if (!RawKey::Decode(ToView(it->key()), &key)) {
        findings_->Damage("a key of raw is unreadable");
        continue;
      }
      if (key.sequence >= expected) {
        if (key.sequence > expected) Missing(expected, key.sequence - 1);
        expected = key.sequence + 1;
      }
      truth_->log_sequences.Add(key.sequence);
      const std::string name = "raw block " + std::to_string(key.sequence);
      CheckBlock(name, key.sequence, ToView(it->value()));
      CheckIndexed(name, key.sequence, ToView(it->value()));
    }
    EndScan(*it, Family::kRaw);
    if (it->status().ok() && expected <= d.log.last_sequence) Missing(expected, d.log.last_sequence);
    if (expected > d.log.last_sequence + 1) findings_->Damage("the log goes on beyond meta/log_state");
  }

  void Missing(uint64_t first, uint64_t last) {
    findings_->Damage("raw blocks " + std::to_string(first) + " to " + std::to_string(last) +
                      " of the log are missing");
  }

  void ScanPacked() {
    auto it = NewIterator(Family::kPacked);
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      HourKey key;
      if (!HourKey::Decode(ToView(it->key()), &key)) {
        findings_->Damage("a key of packed is unreadable");
        continue;
      }
      const std::string name =
          "packed block " + std::to_string(key.number) + " of hour " + std::to_string(key.hour);
      CheckBlock(name, 0, ToView(it->value()));
      for (const Event& e : chunk_.events) {
        if (HourOf(e.time_ns) == key.hour) continue;
        findings_->Damage(name + " holds events of another hour");
        break;
      }
    }
    EndScan(*it, Family::kPacked);
  }

  // Leaves the block's events in chunk_ (none when it is damaged). Sequence 0: repacked.
  void CheckBlock(const std::string& name, uint64_t sequence, std::string_view block) {
    VerifyReport& report = findings_->report();
    if (++report.blocks % kBlocksPerProgress == 0)
      findings_->Progress(static_cast<double>(report.events) /
                          (static_cast<double>(directory_.log.events) + 1));
    chunk_.events.clear();
    chunk_.extras.clear();
    chunk_.text.clear();
    ads_.clear();
    Status decoded = ReadBlock(block, directory_.ads, nullptr, &chunk_, &ads_);
    if (!decoded.ok()) {
      chunk_.events.clear();
      findings_->Damage(decoded.WithContext(name).message());
      return;
    }
    report.events += chunk_.events.size();
    const bool counted = sequence <= directory_.counters.covered_sequence;
    const bool sealed = sequence <= directory_.identities.covered_sequence;
    if (!sealed) truth_->unsealed += chunk_.events.size();
    for (size_t i = 0; i < chunk_.events.size(); ++i) {
      if (counted) Count(chunk_.events[i], ads_[i], &truth_->hours);
      CountFilters(chunk_.events[i], ads_[i], sequence);
      if (sealed) {
        const Event& e = chunk_.events[i];
        if (!directory_.RawIsGone(HourOf(e.time_ns)))
          truth_->days[DayOf(e.time_ns)].Add(EntryOf(e, ads_[i], sequence), sequence != 0);
      }
    }
  }

  // A version's counters cover what its job counted, up to the position it is active from, and what
  // came later as far as the others do.
  void CountFilters(const Event& e, uint32_t ad, uint64_t sequence) {
    places_.clear();
    matcher_.Match(filters_, chunk_, e, &places_);
    for (uint32_t place : places_) {
      if (sequence > std::max(directory_.counters.covered_sequence, filters_.active_from(place))) continue;
      Count(e, ad, &truth_->filters[filters_.number(place)]);
    }
  }

  void Count(const Event& e, uint32_t ad, std::map<int32_t, HourDigest>* hours) {
    const int32_t hour = HourOf(e.time_ns);
    const int32_t minute = MinuteOf(e.time_ns);
    HourDigest& digest = (*hours)[hour];
    ++digest.events;
    digest.minutes.Add(ad, minute, CountMetric(e.kind), 1);
    digest.totals.Add(ad, hour, CountMetric(e.kind), 1);
    if (!e.has_revenue || e.revenue_micros == 0) return;
    digest.minutes.Add(ad, minute, Metric::kRevenue, e.revenue_micros);
    digest.totals.Add(ad, hour, Metric::kRevenue, e.revenue_micros);
  }

  // The block's raw_hours record says what the block does.
  void CheckIndexed(const std::string& name, uint64_t sequence, std::string_view block) {
    Result<RawBlockInfo> info = ReadRawBlockInfo(block);
    if (!info.ok()) return;  // told already
    BlockIndexEntry expected{*info, HourOf(info->time_min_ns) != HourOf(info->time_max_ns)};
    const int32_t hour =
        expected.spans_hours ? DayOf(info->time_min_ns) * kHoursPerDay : HourOf(info->time_min_ns);
    Result<std::string> stored = directory_.storage->Get(Family::kRawHours, HourKey{hour, sequence}.Encode());
    if (!stored.ok()) {
      findings_->Damage(name + " is not in raw_hours: " + stored.status().message());
    } else if (*stored != EncodeBlockIndex(expected)) {
      findings_->Damage(name + " is not what its record in raw_hours says");
    }
  }

  void ScanIndex() {
    auto it = NewIterator(Family::kRawHours);
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      HourKey key;
      BlockIndexEntry entry;
      if (!HourKey::Decode(ToView(it->key()), &key) || !DecodeBlockIndex(ToView(it->value()), &entry)) {
        findings_->Damage("raw_hours has an unreadable record");
      } else if (!truth_->log_sequences.Has(key.number) && truth_->complete) {
        findings_->Damage("raw_hours names raw block " + std::to_string(key.number) + ", which is not there");
      }
    }
    EndScan(*it, Family::kRawHours);
  }

  const InspectedDirectory& directory_;
  VerifyFindings* const findings_;
  RawTruth* const truth_;
  EventChunk chunk_;
  std::vector<uint32_t> ads_;
  const FilterSet filters_;
  FilterMatcher matcher_;
  std::vector<uint32_t> places_;
};

}  // namespace

void ScanRaw(const InspectedDirectory& directory, VerifyFindings* findings, RawTruth* truth) {
  RawScan(directory, findings, truth).Run();
}

Status ForEachCoveredBlock(const InspectedDirectory& directory, int32_t hour, uint64_t last_sequence,
                           const VisitBlock& visit) {
  // What is missing was told by the scan.
  RawIterators raw = RawIterators::Open(*directory.storage);
  return ForEachBlockOfHour(&raw, hour, {0, last_sequence}, true, visit);
}

}  // namespace tallymark
