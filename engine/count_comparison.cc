#include "engine/count_comparison.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "engine/delta_rows.h"
#include "format/keys.h"
#include "format/time_units.h"
#include "format/top_chunk.h"

namespace tallymark {
namespace {

bool Has(const FilterNumbers& filters, uint32_t filter) {
  return std::binary_search(filters.begin(), filters.end(), filter);
}

// The rows of some filters and a range of hours in the order of their keys: with leaps, since the
// hours of an ad may be many.
class RowScan {
 public:
  RowScan(CountedMoment* moment, const FilterNumbers& filters, HourRange range)
      : moment_(moment), it_(moment->rows.get()), filters_(filters), range_(range) {
    SeekTo(0, filters_.front());
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
      if (key_.hour >= range_.begin && key_.hour < range_.end && Has(filters_, key_.filter)) return true;
      Skip();
    }
    status_ = FromRocks(it_->status(), "read counter rows");
    return false;
  }
  const CounterKey& key() const { return key_; }
  std::string_view value() const { return ToView(it_->value()); }
  const Status& status() const { return status_; }

 private:
  // Few rows are walked over, many are leapt over.
  void Skip() {
    if (++skipped_ % kStepsPerSeek != 0) return it_->Next();
    const uint64_t least = uint64_t{key_.filter} + (key_.hour < range_.begin ? 0 : 1);
    auto next = std::lower_bound(filters_.begin(), filters_.end(), least);
    if (next != filters_.end()) return SeekTo(key_.ad, *next);
    if (key_.ad != UINT32_MAX) return SeekTo(key_.ad + 1, filters_.front());
    it_->Next();
  }
  void SeekTo(uint32_t ad, uint32_t filter) { it_->Seek(CounterKey{ad, filter, range_.begin}.Encode()); }

  static constexpr uint64_t kStepsPerSeek = 16;
  static constexpr uint64_t kStepsPerPause = 64;

  CountedMoment* const moment_;
  rocksdb::Iterator* const it_;
  const FilterNumbers& filters_;
  const HourRange range_;
  bool begun_ = false;
  uint64_t skipped_ = 0;
  uint64_t steps_ = 0;
  CounterKey key_;
  Status status_;
};

auto OrderOf(const CounterKey& key) { return std::tuple(key.ad, key.filter, key.hour); }

CounterKey KeyOf(const RowRef& ref) {
  CounterDelta::RowId id;
  ref.delta->RowAt(ref.slot, &id);
  return {id.ad, ref.filter, id.hour};
}

uint32_t AdOf(uint64_t place) { return static_cast<uint32_t>(place >> 32); }
int32_t HourOfPlace(uint64_t place) { return HourOfBits(static_cast<uint32_t>(place)); }

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
  const BigVector<RowRef> rows = RowsByKey(raw_);
  size_t next = 0;
  auto visit_missing = [&](const CounterKey* before) {
    for (; next < rows.size(); ++next) {
      const CounterKey key = KeyOf(rows[next]);
      if (before != nullptr && OrderOf(key) >= OrderOf(*before)) return;
      visit(key, nullptr, &rows[next]);
    }
  };
  RowScan scan(moment_, filters_, range_);
  while (scan.Next()) {
    const CounterKey key = scan.key();
    visit_missing(&key);
    const bool has_raw = next < rows.size() && OrderOf(KeyOf(rows[next])) == OrderOf(key);
    const std::string_view stored = scan.value();
    visit(key, &stored, has_raw ? &rows[next] : nullptr);
    next += has_raw ? 1 : 0;
  }
  if (!scan.status().ok()) return scan.status();
  visit_missing(nullptr);
  return Status::Ok();
}

Status CountComparison::CompareRows(uint64_t* rows_checked) {
  RowBuilder builder;
  HourRow stored_row;
  return ForEachPair([&](const CounterKey& key, const std::string_view* stored, const RowRef* raw) {
    const HourRow& raw_row = raw == nullptr ? kNothing : builder.Build(*raw->delta, raw->slot);
    Parts parts;
    parts.minutes = !moment_->MinutesAreGone(key.hour);
    if (stored == nullptr) return Compare(key, kNothing, raw_row, parts);
    ++*rows_checked;
    if (DecodeHourRow(*stored, &stored_row).ok()) return Compare(key, stored_row, raw_row, parts);
    for (int m = 0; m < kMetricCount; ++m) {
      CountMismatch mismatch{.ad = key.ad, .filter = key.filter, .hour = key.hour, .readable = false};
      mismatch.metric = static_cast<Metric>(m);
      mismatch.raw = raw_row.totals[mismatch.metric];
      tell_(mismatch);
    }
  });
}

Status HoursWithRows(CountedMoment* moment, const FilterNumbers& filters, HourRange range,
                     std::set<int32_t>* hours) {
  RowScan scan(moment, filters, range);
  while (scan.Next()) hours->insert(scan.key().hour);
  return scan.status();
}

Status HoursWithLists(CountedMoment* moment, const FilterNumbers& filters, HourRange range,
                      std::set<int32_t>* hours) {
  for (const bool by_minute : {true, false}) {
    rocksdb::Iterator* it = by_minute ? moment->top_minutes.get() : moment->top_hours.get();
    const int64_t per_hour = by_minute ? kMinutesPerHour : 1;
    const int32_t first_hour = by_minute ? std::max(range.begin, moment->minutes_from) : range.begin;
    for (it->Seek(TopKey{BucketOf(first_hour, per_hour), 0, 0, 0, 0}.EncodePrefix()); it->Valid();
         it->Next()) {
      TopKey key;
      if (!TopKey::Decode(ToView(it->key()), &key)) return Status::Corruption("a top list key is unreadable");
      if (key.bucket >= range.end * per_hour) break;
      if (Has(filters, key.filter)) hours->insert(static_cast<int32_t>(FloorDiv(key.bucket, per_hour)));
    }
    if (!it->status().ok()) return FromRocks(it->status(), "read top lists");
  }
  return Status::Ok();
}

Status CountComparison::ForEachStrayRow(const std::function<void(const CounterKey& key)>& visit) {
  return ForEachPair([&](const CounterKey& key, const std::string_view* stored, const RowRef* raw) {
    if (stored != nullptr && raw == nullptr) visit(key);
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

void CountComparison::Compare(const CounterKey& key, const HourRow& stored, const HourRow& raw,
                              const Parts& parts) {
  CountMismatch mismatch{.ad = key.ad, .filter = key.filter, .hour = key.hour, .in_lists = parts.in_lists};
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

// Deltas of what the lists of a family say: minutes as they are, hours in minute 0.
Status CountComparison::ReadLists(Family family, DeltaSet* lists) {
  const bool by_minute = family == Family::kTopMinutes;
  const int64_t per_hour = by_minute ? kMinutesPerHour : 1;
  rocksdb::Iterator* it = by_minute ? moment_->top_minutes.get() : moment_->top_hours.get();
  std::vector<TopPair> pairs;
  const int32_t first_hour = by_minute ? std::max(range_.begin, moment_->minutes_from) : range_.begin;
  for (it->Seek(TopKey{BucketOf(first_hour, per_hour), 0, 0, 0, 0}.EncodePrefix()); it->Valid(); it->Next()) {
    TopKey key;
    if (!TopKey::Decode(ToView(it->key()), &key)) return Status::Corruption("a top list key is unreadable");
    if (key.bucket >= range_.end * per_hour) break;
    if (!Has(filters_, key.filter)) continue;
    const auto hour = static_cast<int32_t>(FloorDiv(key.bucket, per_hour));
    const auto minute = static_cast<int>(key.bucket - hour * per_hour);
    if (key.metric >= kMetricCount || !DecodeTopChunk(ToView(it->value()), &pairs).ok()) {
      CountMismatch mismatch{.ad = UINT32_MAX, .filter = key.filter, .hour = hour};
      mismatch.minute = by_minute ? minute : CountMismatch::kWholeHour;
      mismatch.metric = static_cast<Metric>(key.metric % kMetricCount);
      mismatch.in_lists = true;
      mismatch.readable = false;
      tell_(mismatch);
      continue;
    }
    CounterDelta* list = key.filter == DeltaSet::kEverything ? &lists->everything() : lists->Of(key.filter);
    for (const TopPair& p : pairs) list->Add(p.ad, hour, minute, static_cast<Metric>(key.metric), p.amount);
  }
  return FromRocks(it->status(), "read top lists");
}

void CountComparison::CompareDeltas(uint32_t filter, const CounterDelta& stored, const CounterDelta& raw,
                                    const Parts& parts) {
  const BigVector<SortItem> stored_rows = SortedRows(stored, false);
  const BigVector<SortItem> raw_rows = SortedRows(raw, false);
  RowBuilder stored_builder;
  RowBuilder raw_builder;
  for (size_t s = 0, r = 0; s < stored_rows.size() || r < raw_rows.size();) {
    const uint64_t stored_place = s < stored_rows.size() ? stored_rows[s].key : UINT64_MAX;
    const uint64_t raw_place = r < raw_rows.size() ? raw_rows[r].key : UINT64_MAX;
    const uint64_t place = std::min(stored_place, raw_place);
    const bool has_stored = s < stored_rows.size() && stored_place == place;
    const bool has_raw = r < raw_rows.size() && raw_place == place;
    const HourRow& stored_row = has_stored ? stored_builder.Build(stored, stored_rows[s].value) : kNothing;
    const HourRow& raw_row = has_raw ? raw_builder.Build(raw, raw_rows[r].value) : kNothing;
    Parts asked = parts;
    asked.minutes = parts.minutes && !moment_->MinutesAreGone(HourOfPlace(place));
    Compare({AdOf(place), filter, HourOfPlace(place)}, stored_row, raw_row, asked);
    s += has_stored ? 1 : 0;
    r += has_raw ? 1 : 0;
  }
}

Status CountComparison::CompareLists() {
  PiecePool pool{CounterDelta::kPieceBytes};
  const CounterDelta nothing(&pool);
  auto of = [&](const DeltaSet& deltas, uint32_t filter) -> const CounterDelta& {
    const CounterDelta* found = deltas.Find(filter);
    return found != nullptr ? *found : nothing;
  };
  for (const bool by_minute : {true, false}) {
    DeltaPools pools;
    DeltaSet lists(&pools);
    Status read = ReadLists(by_minute ? Family::kTopMinutes : Family::kTopHours, &lists);
    if (!read.ok()) return read;
    const Parts parts{.minutes = by_minute, .totals = !by_minute, .in_lists = true};
    for (uint32_t filter : filters_) CompareDeltas(filter, of(lists, filter), of(raw_, filter), parts);
  }
  return Status::Ok();
}

}  // namespace tallymark
