#include "engine/count_comparison.h"

#include <algorithm>
#include <limits>

#include "engine/delta_rows.h"
#include "format/keys.h"
#include "format/time_units.h"
#include "format/top_chunk.h"

namespace tallymark {
namespace {

// The rows of one filter and a range of hours, by (ad, hour): from ad to ad by seeking, since the
// hours of an ad may be many.
class RowScan {
 public:
  RowScan(CountedMoment* moment, uint32_t filter, HourRange range)
      : moment_(moment), it_(moment->rows.get()), filter_(filter), range_(range) {
    SeekTo(0);
  }

  // False at the end or on an error.
  bool Next() {
    if (begun_) it_->Next();
    begun_ = true;
    while (it_->Valid()) {
      if (moment_->pause && ++steps_ % kStepsPerPause == 0) status_ = moment_->pause();
      if (!status_.ok()) return false;
      if (!CounterKey::Decode(ToView(it_->key()), &key_)) {
        status_ = Status::Corruption("a counter key is unreadable");
        return false;
      }
      if (key_.filter == filter_ && key_.hour >= range_.begin && key_.hour < range_.end) return true;
      Skip();
    }
    status_ = FromRocks(it_->status(), "read counter rows");
    return false;
  }
  const CounterKey& key() const { return key_; }
  std::string_view value() const { return ToView(it_->value()); }
  const Status& status() const { return status_; }

 private:
  // Ads with few rows are walked over, others jumped over.
  void Skip() {
    if (++skipped_ % kStepsPerSeek != 0) return it_->Next();
    const bool before = key_.filter < filter_ || (key_.filter == filter_ && key_.hour < range_.begin);
    if (before || key_.ad != UINT32_MAX) return SeekTo(before ? key_.ad : key_.ad + 1);
    it_->Next();
  }
  void SeekTo(uint32_t ad) { it_->Seek(CounterKey{ad, filter_, range_.begin}.Encode()); }

  static constexpr uint64_t kStepsPerSeek = 16;
  static constexpr uint64_t kStepsPerPause = 64;

  CountedMoment* const moment_;
  rocksdb::Iterator* const it_;
  const uint32_t filter_;
  const HourRange range_;
  bool begun_ = false;
  uint64_t skipped_ = 0;
  uint64_t steps_ = 0;
  CounterKey key_;
  Status status_;
};

uint64_t PlaceOf(uint32_t ad, int32_t hour) { return uint64_t{ad} << 32 | HourBits(hour); }
uint32_t AdOf(uint64_t place) { return static_cast<uint32_t>(place >> 32); }
int32_t HourOfPlace(uint64_t place) {
  return static_cast<int32_t>(static_cast<uint32_t>(place) ^ 0x80000000U);
}

// The first bucket of an hour, within what a key can hold.
int32_t BucketOf(int32_t hour, int64_t per_hour) {
  return static_cast<int32_t>(std::clamp<int64_t>(hour * per_hour, INT32_MIN, INT32_MAX));
}

// Lists keep 64 bits of an amount.
__int128 Clamped(__int128 amount) {
  return std::clamp<__int128>(amount, std::numeric_limits<int64_t>::min(),
                              std::numeric_limits<int64_t>::max());
}

const HourRow kNothing;

}  // namespace

Status CountComparison::ForEachPair(const VisitPair& visit) {
  const BigVector<SortItem> rows = SortedRows(raw_, false);
  size_t next = 0;
  auto visit_missing = [&](uint64_t before) {
    for (; next < rows.size() && rows[next].key < before; ++next)
      visit(AdOf(rows[next].key), HourOfPlace(rows[next].key), nullptr, rows[next].value);
  };
  RowScan scan(moment_, filter_, range_);
  while (scan.Next()) {
    const uint64_t place = PlaceOf(scan.key().ad, scan.key().hour);
    visit_missing(place);
    const bool has_raw = next < rows.size() && rows[next].key == place;
    const std::string_view stored = scan.value();
    visit(scan.key().ad, scan.key().hour, &stored, has_raw ? rows[next].value : kNone);
    next += has_raw ? 1 : 0;
  }
  if (!scan.status().ok()) return scan.status();
  visit_missing(UINT64_MAX);
  return Status::Ok();
}

Status CountComparison::CompareRows(uint64_t* rows_checked) {
  RowBuilder builder;
  HourRow stored_row;
  return ForEachPair([&](uint32_t ad, int32_t hour, const std::string_view* stored, uint32_t raw) {
    const HourRow& raw_row = raw == kNone ? kNothing : builder.Build(raw_, raw);
    Parts parts;
    parts.minutes = !moment_->MinutesAreGone(hour);
    if (stored == nullptr) return Compare(ad, hour, kNothing, raw_row, parts);
    ++*rows_checked;
    if (DecodeHourRow(*stored, &stored_row).ok()) return Compare(ad, hour, stored_row, raw_row, parts);
    for (int m = 0; m < kMetricCount; ++m) {
      CountMismatch mismatch{.ad = ad, .filter = filter_, .hour = hour, .readable = false};
      mismatch.metric = static_cast<Metric>(m);
      mismatch.raw = raw_row.totals[mismatch.metric];
      tell_(mismatch);
    }
  });
}

Status HoursWithRows(CountedMoment* moment, uint32_t filter, HourRange range, std::set<int32_t>* hours) {
  RowScan scan(moment, filter, range);
  while (scan.Next()) hours->insert(scan.key().hour);
  return scan.status();
}

Status HoursWithLists(CountedMoment* moment, uint32_t filter, HourRange range, std::set<int32_t>* hours) {
  for (const bool by_minute : {true, false}) {
    rocksdb::Iterator* it = by_minute ? moment->top_minutes.get() : moment->top_hours.get();
    const int64_t per_hour = by_minute ? kMinutesPerHour : 1;
    const int32_t first_hour = by_minute ? std::max(range.begin, moment->minutes_from) : range.begin;
    for (it->Seek(TopKey{BucketOf(first_hour, per_hour), 0, 0, 0, 0}.EncodePrefix()); it->Valid();
         it->Next()) {
      TopKey key;
      if (!TopKey::Decode(ToView(it->key()), &key)) return Status::Corruption("a top list key is unreadable");
      if (key.bucket >= range.end * per_hour) break;
      if (key.filter == filter) hours->insert(static_cast<int32_t>(FloorDiv(key.bucket, per_hour)));
    }
    if (!it->status().ok()) return FromRocks(it->status(), "read top lists");
  }
  return Status::Ok();
}

Status CountComparison::ForEachStrayRow(const std::function<void(uint32_t ad, int32_t hour)>& visit) {
  return ForEachPair([&](uint32_t ad, int32_t hour, const std::string_view* stored, uint32_t raw) {
    if (stored != nullptr && raw == kNone) visit(ad, hour);
  });
}

void CountComparison::TellDifferences(CountMismatch mismatch, const MetricSums& stored,
                                      const MetricSums& raw) {
  for (int m = 0; m < kMetricCount; ++m) {
    mismatch.metric = static_cast<Metric>(m);
    mismatch.counted = stored[mismatch.metric];
    mismatch.raw = raw[mismatch.metric];
    const bool equal = mismatch.in_lists ? Clamped(mismatch.counted) == Clamped(mismatch.raw)
                                         : mismatch.counted == mismatch.raw;
    if (!equal) tell_(mismatch);
  }
}

void CountComparison::Compare(uint32_t ad, int32_t hour, const HourRow& stored, const HourRow& raw,
                              const Parts& parts) {
  CountMismatch mismatch{.ad = ad, .filter = filter_, .hour = hour, .in_lists = parts.in_lists};
  if (parts.totals) TellDifferences(mismatch, stored.totals, raw.totals);
  if (!parts.minutes) return;
  const MetricSums zero;
  for (size_t s = 0, r = 0; s < stored.cells.size() || r < raw.cells.size();) {
    const int stored_minute = s < stored.cells.size() ? stored.cells[s].minute : kMinutesPerHour;
    const int raw_minute = r < raw.cells.size() ? raw.cells[r].minute : kMinutesPerHour;
    mismatch.minute = std::min(stored_minute, raw_minute);
    const bool has_stored = stored_minute == mismatch.minute;
    const bool has_raw = raw_minute == mismatch.minute;
    TellDifferences(mismatch, has_stored ? stored.cells[s].sums : zero, has_raw ? raw.cells[r].sums : zero);
    s += has_stored ? 1 : 0;
    r += has_raw ? 1 : 0;
  }
}

// A delta of what the lists of a family say: minutes as they are, hours in minute 0.
Status CountComparison::ReadLists(Family family, CounterDelta* lists) {
  const bool by_minute = family == Family::kTopMinutes;
  const int64_t per_hour = by_minute ? kMinutesPerHour : 1;
  rocksdb::Iterator* it = by_minute ? moment_->top_minutes.get() : moment_->top_hours.get();
  std::vector<TopPair> pairs;
  const int32_t first_hour = by_minute ? std::max(range_.begin, moment_->minutes_from) : range_.begin;
  for (it->Seek(TopKey{BucketOf(first_hour, per_hour), 0, 0, 0, 0}.EncodePrefix()); it->Valid(); it->Next()) {
    TopKey key;
    if (!TopKey::Decode(ToView(it->key()), &key)) return Status::Corruption("a top list key is unreadable");
    if (key.bucket >= range_.end * per_hour) break;
    if (key.filter != filter_) continue;
    const auto hour = static_cast<int32_t>(FloorDiv(key.bucket, per_hour));
    const auto minute = static_cast<int>(key.bucket - hour * per_hour);
    if (key.metric >= kMetricCount || !DecodeTopChunk(ToView(it->value()), &pairs).ok()) {
      CountMismatch mismatch{.ad = UINT32_MAX, .filter = filter_, .hour = hour};
      mismatch.minute = by_minute ? minute : CountMismatch::kWholeHour;
      mismatch.metric = static_cast<Metric>(key.metric % kMetricCount);
      mismatch.in_lists = true;
      mismatch.readable = false;
      tell_(mismatch);
      continue;
    }
    for (const TopPair& p : pairs) lists->Add(p.ad, hour, minute, static_cast<Metric>(key.metric), p.amount);
  }
  return FromRocks(it->status(), "read top lists");
}

void CountComparison::CompareDeltas(const CounterDelta& stored, const Parts& parts) {
  const BigVector<SortItem> stored_rows = SortedRows(stored, false);
  const BigVector<SortItem> raw_rows = SortedRows(raw_, false);
  RowBuilder stored_builder;
  RowBuilder raw_builder;
  for (size_t s = 0, r = 0; s < stored_rows.size() || r < raw_rows.size();) {
    const uint64_t stored_place = s < stored_rows.size() ? stored_rows[s].key : UINT64_MAX;
    const uint64_t raw_place = r < raw_rows.size() ? raw_rows[r].key : UINT64_MAX;
    const uint64_t place = std::min(stored_place, raw_place);
    const bool has_stored = s < stored_rows.size() && stored_place == place;
    const bool has_raw = r < raw_rows.size() && raw_place == place;
    const HourRow& stored_row = has_stored ? stored_builder.Build(stored, stored_rows[s].value) : kNothing;
    const HourRow& raw_row = has_raw ? raw_builder.Build(raw_, raw_rows[r].value) : kNothing;
    Parts asked = parts;
    asked.minutes = parts.minutes && !moment_->MinutesAreGone(HourOfPlace(place));
    Compare(AdOf(place), HourOfPlace(place), stored_row, raw_row, asked);
    s += has_stored ? 1 : 0;
    r += has_raw ? 1 : 0;
  }
}

Status CountComparison::CompareLists() {
  PiecePool pool{CounterDelta::kPieceBytes};
  CounterDelta lists(&pool);
  Status read = ReadLists(Family::kTopMinutes, &lists);
  if (!read.ok()) return read;
  CompareDeltas(lists, {.minutes = true, .totals = false, .in_lists = true});
  lists.Clear();
  read = ReadLists(Family::kTopHours, &lists);
  if (read.ok()) CompareDeltas(lists, {.minutes = false, .totals = true, .in_lists = true});
  return read;
}

}  // namespace tallymark
