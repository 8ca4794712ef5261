#include "engine/verify_recount.h"

#include <algorithm>

#include "engine/block_reader.h"
#include "engine/counted_event.h"
#include "engine/verify_raw.h"
#include "format/decimal.h"
#include "format/keys.h"
#include "format/raw_block.h"
#include "format/top_chunk.h"

namespace tallymark {
namespace {

constexpr uint64_t kSliceEvents = 2'000'000;
// Stray rows are looked for when the sets of ads have grown to this.
constexpr uint64_t kStrayBitsMax = 1ULL << 30;

}  // namespace

void HourRecount::AddUp(Cells* cells) {
  std::sort(cells->begin(), cells->end(), [](const Cell& a, const Cell& b) { return a.Place() < b.Place(); });
  size_t out = 0;
  for (size_t i = 0; i < cells->size();) {
    Cell sum = (*cells)[i++];
    while (i < cells->size() && (*cells)[i].Place() == sum.Place()) sum.amount += (*cells)[i++].amount;
    (*cells)[out++] = sum;
  }
  cells->resize(out);
}

// The block's events that the filter matches, in columns_.
Status HourRecount::ReadCounted(std::string_view block) {
  if (filter_.number == 0) return DecodeCountColumns(block, &columns_);
  columns_ = CountColumns();
  EventChunk chunk;
  std::vector<uint32_t> ads;
  Status read = ReadBlock(block, directory_.ads, nullptr, &chunk, &ads);
  std::vector<uint32_t> places;
  for (size_t i = 0; read.ok() && i < chunk.events.size(); ++i) {
    const Event& event = chunk.events[i];
    places.clear();
    matcher_.Match(set_, chunk, event, &places);
    if (places.empty()) continue;
    columns_.ads.push_back(ads[i]);
    columns_.times_ns.push_back(event.time_ns);
    columns_.kinds.push_back(event.kind);
    columns_.revenue_micros.push_back(event.has_revenue ? event.revenue_micros : 0);
  }
  return read;
}

Status HourRecount::CountRaw(const Slice& slice, Cells* cells) {
  const CountColumns& columns = columns_;
  auto add = [&](uint32_t ad, int minute, Metric metric, int64_t amount) {
    cells->push_back({ad, static_cast<uint8_t>(minute), static_cast<uint8_t>(metric), amount});
    cells->push_back({ad, kWholeHour, static_cast<uint8_t>(metric), amount});
  };
  Status read = ForEachCoveredBlock(
      directory_, slice.hour, std::max(directory_.counters.covered_sequence, filter_.active_from),
      [&](uint64_t, std::string_view block) {
        if (!ReadCounted(block).ok()) return Status::Ok();  // told by the scan of raw
        for (size_t i = 0; i < columns.ads.size(); ++i) {
          if (HourOf(columns.times_ns[i]) != slice.hour || !slice.Has(columns.ads[i])) continue;
          if (columns.ads[i] >= directory_.ads.size()) continue;
          const int minute = MinuteOf(columns.times_ns[i]) - slice.hour * kMinutesPerHour;
          add(columns.ads[i], minute, CountMetric(columns.kinds[i]), 1);
          if (columns.revenue_micros[i] != 0)
            add(columns.ads[i], minute, Metric::kRevenue, columns.revenue_micros[i]);
        }
        return Status::Ok();
      });
  if (read.ok()) AddUp(cells);
  return read;
}

void HourRecount::AddRow(uint32_t ad, const HourRow& row, bool minutes, Cells* cells) const {
  auto add = [&](int minute, const MetricSums& sums) {
    for (uint8_t m = 0; m < kMetricCount; ++m) {
      if (sums.value[m] != 0) cells->push_back({ad, static_cast<uint8_t>(minute), m, sums.value[m]});
    }
  };
  for (const MinuteCell& cell : row.cells) {
    if (minutes) add(cell.minute, cell.sums);
  }
  add(kWholeHour, row.totals);
}

Status HourRecount::ReadRows(const Slice& slice, const Cells& raw, Cells* cells, uint64_t* found) const {
  const bool minutes = !directory_.MinutesAreGone(slice.hour);
  HourRow row;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (i > 0 && raw[i].ad == raw[i - 1].ad) continue;
    const uint32_t ad = raw[i].ad;
    Result<std::string> bytes =
        directory_.storage->Get(Family::kCounters, CounterKey{ad, filter_.number, slice.hour}.Encode());
    if (!bytes.ok() && bytes.status().code() == Code::kNotFound) continue;
    if (!bytes.ok()) return bytes.status();
    if (!DecodeHourRow(*bytes, &row).ok()) continue;  // told by the scan of counters
    if (!row.totals.IsZero() || !row.cells.empty()) ++*found;
    AddRow(ad, row, minutes, cells);
  }
  AddUp(cells);
  return Status::Ok();
}

Status HourRecount::ReadLists(const Slice& slice, Cells* cells) const {
  rocksdb::ReadOptions read;
  std::vector<TopPair> pairs;
  for (Family family : {Family::kTopMinutes, Family::kTopHours}) {
    const bool by_minute = family == Family::kTopMinutes;
    if (by_minute && directory_.MinutesAreGone(slice.hour)) continue;
    const int32_t begin = by_minute ? slice.hour * kMinutesPerHour : slice.hour;
    const int32_t end = by_minute ? begin + kMinutesPerHour : begin + 1;
    std::unique_ptr<rocksdb::Iterator> it(
        directory_.storage->db()->NewIterator(read, directory_.storage->handle(family)));
    for (it->Seek(TopKey{begin, 0, 0, 0, 0}.EncodePrefix()); it->Valid(); it->Next()) {
      TopKey key;
      if (!TopKey::Decode(ToView(it->key()), &key) || key.bucket >= end) break;
      if (key.filter != filter_.number || !DecodeTopChunk(ToView(it->value()), &pairs).ok())
        continue;  // told by the scan
      const auto minute = static_cast<uint8_t>(by_minute ? key.bucket - begin : kWholeHour);
      for (const TopPair& p : pairs) {
        if (slice.Has(p.ad)) cells->push_back({p.ad, minute, key.metric, p.amount});
      }
    }
    if (!it->status().ok()) return FromRocks(it->status(), "read top lists");
  }
  AddUp(cells);
  return Status::Ok();
}

void HourRecount::Tell(int32_t hour, const Cell& cell, VerifyFindings::Place where, __int128 counted,
                       __int128 raw) {
  const bool whole = cell.minute == kWholeHour;
  const int64_t bucket_ms = hour * kMsPerHour + (whole ? 0 : cell.minute * kMsPerMinute);
  std::string metric(MetricName(static_cast<Metric>(cell.metric)));
  if (whole) metric += " of the hour";
  metric += where == VerifyFindings::Place::kCounters ? " in counters" : " in top lists";
  findings_->Mismatch(where, cell.ad, bucket_ms, std::move(metric), WideText(counted), WideText(raw),
                      filter_.id);
}

void HourRecount::Diff(int32_t hour, const Cells& raw, const Cells& stored, VerifyFindings::Place where) {
  const bool minutes = !directory_.MinutesAreGone(hour);
  for (size_t r = 0, s = 0; r < raw.size() || s < stored.size();) {
    const bool from_raw = s == stored.size() || (r < raw.size() && raw[r].Place() <= stored[s].Place());
    const bool from_stored = r == raw.size() || (s < stored.size() && stored[s].Place() <= raw[r].Place());
    const Cell& place = from_raw ? raw[r] : stored[s];
    const __int128 truth = from_raw ? raw[r].amount : 0;
    const __int128 counted = from_stored ? stored[s].amount : 0;
    const bool asked = minutes || place.minute == kWholeHour;
    if (asked && truth != counted) Tell(hour, place, where, counted, truth);
    r += from_raw ? 1 : 0;
    s += from_stored ? 1 : 0;
  }
}

void HourRecount::Compare(int32_t hour, uint64_t events, bool rows, bool lists, uint64_t stored_rows) {
  const auto slices = static_cast<uint32_t>(events / kSliceEvents + 1);
  std::vector<bool> ads(rows ? directory_.ads.size() : 0);
  uint64_t found = 0;
  Status status;
  for (Slice slice{hour, slices, 0}; slice.number < slices && status.ok(); ++slice.number) {
    Cells raw;
    status = CountRaw(slice, &raw);
    if (status.ok() && rows) {
      Cells stored;
      status = ReadRows(slice, raw, &stored, &found);
      if (status.ok()) Diff(hour, raw, stored, VerifyFindings::Place::kCounters);
      for (const Cell& cell : raw) ads[cell.ad] = true;
    }
    if (status.ok() && lists) {
      Cells stored;
      status = ReadLists(slice, &stored);
      if (status.ok()) Diff(hour, raw, stored, VerifyFindings::Place::kTopLists);
    }
  }
  if (!status.ok()) {
    findings_->Damage(status.WithContext("recount of hour " + std::to_string(hour)).message());
    return;
  }
  if (!rows || found == stored_rows) return;
  ads_of_hours_.emplace(hour, std::move(ads));
  if (ads_of_hours_.size() * directory_.ads.size() > kStrayBitsMax) FindStrayRows();
}

void HourRecount::Finish() {
  if (!ads_of_hours_.empty()) FindStrayRows();
}

// Rows of one hour do not lie side by side: all rows are read, for many hours at once.
void HourRecount::FindStrayRows() {
  rocksdb::ReadOptions read;
  read.total_order_seek = true;
  read.fill_cache = false;
  read.readahead_size = 2 << 20;
  std::unique_ptr<rocksdb::Iterator> it(
      directory_.storage->db()->NewIterator(read, directory_.storage->handle(Family::kCounters)));
  HourRow row;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    CounterKey key;
    if (!CounterKey::Decode(ToView(it->key()), &key) || key.filter != filter_.number) continue;
    auto hour = ads_of_hours_.find(key.hour);
    if (hour == ads_of_hours_.end() || key.ad >= hour->second.size() || hour->second[key.ad]) continue;
    if (!DecodeHourRow(ToView(it->value()), &row).ok()) continue;
    Cells stored;
    AddRow(key.ad, row, !directory_.MinutesAreGone(key.hour), &stored);
    for (const Cell& cell : stored) Tell(key.hour, cell, VerifyFindings::Place::kCounters, cell.amount, 0);
  }
  ads_of_hours_.clear();
}

}  // namespace tallymark
