#include "engine/verify_counts.h"

#include <set>
#include <type_traits>

#include "engine/verify_recount.h"
#include "format/keys.h"
#include "format/top_chunk.h"

namespace tallymark {
namespace {

constexpr uint64_t kRowsPerProgress = 100'000;

std::unique_ptr<rocksdb::Iterator> WholeFamily(const InspectedDirectory& directory, Family family) {
  rocksdb::ReadOptions read;
  read.total_order_seek = true;
  read.fill_cache = false;
  read.readahead_size = 2 << 20;
  std::unique_ptr<rocksdb::Iterator> it(
      directory.storage->db()->NewIterator(read, directory.storage->handle(family)));
  it->SeekToFirst();
  return it;
}

uint64_t EstimatedKeys(const InspectedDirectory& directory, Family family) {
  uint64_t keys = 0;
  directory.storage->db()->GetIntProperty(directory.storage->handle(family),
                                          rocksdb::DB::Properties::kEstimateNumKeys, &keys);
  return keys + 1;
}

void AddSums(uint32_t ad, int32_t bucket, const MetricSums& sums, AmountDigest* digest) {
  for (int m = 0; m < kMetricCount; ++m) {
    const auto metric = static_cast<Metric>(m);
    if (sums[metric] != 0) digest->Add(ad, bucket, metric, sums[metric]);
  }
}

class RowScan {
 public:
  RowScan(const InspectedDirectory& directory, VerifyFindings* findings, CountedTruth* counted)
      : directory_(directory), findings_(findings), counted_(counted) {}

  void Run() {
    const uint64_t expected = EstimatedKeys(directory_, Family::kCounters);
    auto it = WholeFamily(directory_, Family::kCounters);
    for (; it->Valid(); it->Next()) {
      CheckRow(ToView(it->key()), ToView(it->value()));
      const uint64_t rows = ++findings_->report().counter_rows;
      if (rows % kRowsPerProgress == 0)
        findings_->Progress(static_cast<double>(rows) / static_cast<double>(expected));
    }
    if (it->status().ok()) return;
    counted_->rows_complete = false;
    findings_->Damage(FromRocks(it->status(), "read counters").message());
  }

 private:
  void CheckRow(std::string_view bytes_of_key, std::string_view bytes) {
    CounterKey key;
    if (!CounterKey::Decode(bytes_of_key, &key)) return findings_->Damage("a counter key is unreadable");
    const std::string name = "counter row of ad " + std::to_string(key.ad) + ", filter " +
                             std::to_string(key.filter) + ", hour " + std::to_string(key.hour);
    Status decoded = DecodeHourRow(bytes, &row_);
    if (!decoded.ok()) return findings_->Damage(decoded.WithContext(name).message());
    if (key.ad >= directory_.ads.size()) return findings_->Damage(name + " is of no known ad");
    if (directory_.HoursAreGone(key.hour)) return;
    HourDigest& digest = counted_->filters[key.filter].rows[key.hour];
    AddSums(key.ad, key.hour, row_.totals, &digest.totals);
    MetricSums cells;
    for (const MinuteCell& cell : row_.cells) {
      cells.Add(cell.sums);
      AddSums(key.ad, key.hour * kMinutesPerHour + cell.minute, cell.sums, &digest.minutes);
    }
    if (!row_.totals.IsZero() || !row_.cells.empty()) ++digest.rows;
    if (directory_.RawIsGone(key.hour) && !directory_.MinutesAreGone(key.hour) && cells != row_.totals)
      findings_->Damage(name + ": the minutes do not add up to the hour");
  }

  const InspectedDirectory& directory_;
  VerifyFindings* const findings_;
  CountedTruth* const counted_;
  HourRow row_;
};

class ListScan {
 public:
  ListScan(const InspectedDirectory& directory, VerifyFindings* findings, CountedTruth* counted)
      : directory_(directory), findings_(findings), counted_(counted) {}

  void Run(Family family) {
    minutes_ = family == Family::kTopMinutes;
    const std::string family_name(FamilyName(family));
    auto it = WholeFamily(directory_, family);
    std::string list;
    for (; it->Valid(); it->Next()) {
      TopKey key;
      if (!TopKey::Decode(ToView(it->key()), &key)) {
        findings_->Damage("a key of " + family_name + " is unreadable");
        continue;
      }
      if (std::string prefix = key.EncodePrefix(); prefix != list) {
        ++findings_->report().top_lists;
        list = std::move(prefix);
      }
      CheckChunk(family_name, key, ToView(it->value()));
    }
    if (it->status().ok()) return;
    counted_->lists_complete = false;
    findings_->Damage(FromRocks(it->status(), "read " + family_name).message());
  }

 private:
  void CheckChunk(const std::string& family_name, const TopKey& key, std::string_view bytes) {
    const std::string name = family_name + " bucket " + std::to_string(key.bucket) + ", metric " +
                             std::to_string(key.metric) + ", checkpoint " + std::to_string(key.generation) +
                             ", chunk " + std::to_string(key.chunk);
    Status decoded = DecodeTopChunk(bytes, &pairs_);
    if (!decoded.ok()) return findings_->Damage(decoded.WithContext(name).message());
    if (key.metric >= kMetricCount) return findings_->Damage(name + " is of no known metric");
    if (!pairs_.empty() && pairs_.back().ad >= directory_.ads.size())
      return findings_->Damage(name + " has an ad that is not known");
    const int32_t hour = minutes_ ? HourOfMinute(key.bucket) : key.bucket;
    if (minutes_ ? directory_.MinutesAreGone(hour) : directory_.HoursAreGone(hour)) return;
    HourDigest& digest = counted_->filters[key.filter].lists[hour];
    AmountDigest& amounts = minutes_ ? digest.minutes : digest.totals;
    for (const TopPair& p : pairs_) amounts.Add(p.ad, key.bucket, static_cast<Metric>(key.metric), p.amount);
  }

  const InspectedDirectory& directory_;
  VerifyFindings* const findings_;
  CountedTruth* const counted_;
  bool minutes_ = false;
  std::vector<TopPair> pairs_;
};

HourDigest Find(const std::map<int32_t, HourDigest>& digests, int32_t hour) {
  auto found = digests.find(hour);
  return found == digests.end() ? HourDigest() : found->second;
}

// Holds the counters of one filter against raw.
void CompareFilter(const InspectedDirectory& directory, const CountedFilter& filter, const RawTruth& raw,
                   const CountedTruth& counted, VerifyFindings* findings) {
  auto find = [&](const auto& by_filter) {
    auto found = by_filter.find(filter.number);
    return found == by_filter.end() ? typename std::decay_t<decltype(by_filter)>::mapped_type()
                                    : found->second;
  };
  const std::map<int32_t, HourDigest> truths = filter.number == 0 ? raw.hours : find(raw.filters);
  const CountedTruth::Hours stored = find(counted.filters);
  std::set<int32_t> hours;
  for (const auto* digests : {&truths, &stored.rows, &stored.lists}) {
    for (const auto& [hour, digest] : *digests) hours.insert(hour);
  }
  HourRecount recount(directory, filter, findings);
  for (int32_t hour : hours) {
    if (directory.HoursAreGone(hour)) continue;
    const bool minutes = !directory.MinutesAreGone(hour);
    auto differ = [&](const HourDigest& a, const HourDigest& b) {
      return !(a.totals == b.totals) || (minutes && !(a.minutes == b.minutes));
    };
    const HourDigest rows = Find(stored.rows, hour);
    const HourDigest lists = Find(stored.lists, hour);
    if (directory.RawIsGone(hour) || hour < filter.complete_from_hour) {
      if (counted.rows_complete && counted.lists_complete && differ(rows, lists))
        findings->Damage("hour " + std::to_string(hour) + ", filter " + std::to_string(filter.id) +
                         ": top lists and counter rows differ");
      continue;
    }
    if (!raw.complete) continue;  // told already; the recount would only repeat it ad by ad
    const HourDigest truth = Find(truths, hour);
    const bool rows_differ = counted.rows_complete && differ(rows, truth);
    const bool lists_differ = counted.lists_complete && differ(lists, truth);
    if (rows_differ || lists_differ)
      recount.Compare(hour, truth.events, rows_differ, lists_differ, rows.rows);
  }
  recount.Finish();
}

}  // namespace

void ScanCounters(const InspectedDirectory& directory, VerifyFindings* findings, CountedTruth* counted) {
  RowScan(directory, findings, counted).Run();
}

void ScanTopLists(const InspectedDirectory& directory, VerifyFindings* findings, CountedTruth* counted) {
  ListScan scan(directory, findings, counted);
  scan.Run(Family::kTopMinutes);
  scan.Run(Family::kTopHours);
}

// Numbers that no whole version has are being counted, or are to be dropped.
void CompareCounts(const InspectedDirectory& directory, const RawTruth& raw, const CountedTruth& counted,
                   VerifyFindings* findings) {
  for (const CountedFilter& filter : directory.WholeFilters()) {
    CompareFilter(directory, filter, raw, counted, findings);
  }
}

}  // namespace tallymark
