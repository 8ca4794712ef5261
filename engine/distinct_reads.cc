// The reading half of DistinctView.

#include <algorithm>

#include "engine/distinct_view.h"
#include "format/keys.h"

namespace tallymark {
namespace {

// Points whose sets are in memory at a time.
constexpr size_t kPointsAtOnce = 128;
// With more ads than a run's groups divided by this, the run is read through instead of searched.
constexpr size_t kSearchCost = 16;

// A group of a run that a question is about.
struct Hit {
  uint32_t ad;
  int32_t hour;
  const DistinctRun* run;
  size_t group;
};

void CollectHits(const DistinctRun& run, std::span<const uint32_t> ads, HourRange range,
                 std::vector<Hit>* hits) {
  if (run.hour_max() < range.begin || run.hour_min() >= range.end) return;
  const bool search = ads.size() * kSearchCost < run.size();
  size_t at = 0;
  for (uint32_t ad : ads) {
    if (search) at = run.LowerBound(ad, range.begin, at);
    while (at < run.size() &&
           (run.group(at).ad < ad || (run.group(at).ad == ad && run.group(at).hour < range.begin)))
      ++at;
    for (; at < run.size() && run.group(at).ad == ad && run.group(at).hour < range.end; ++at)
      hits->push_back({ad, run.group(at).hour, &run, at});
  }
}

// Adds the sets of one ad's hours to points. What lies in runs and what is stored of an hour are put
// together first, as a checkpoint will do: whether the hour is an estimate then depends on its events
// alone, not on where they lie now.
class HourSums {
 public:
  HourSums(HourRange range, int32_t step_hours, std::span<DistinctRow> points, std::vector<Hit> hits)
      : range_(range), step_hours_(step_hours), points_(points), hits_(std::move(hits)) {
    std::ranges::sort(hits_, {}, [](const Hit& hit) { return std::pair(hit.ad, hit.hour); });
  }

  // In ascending order of (ad, hour).
  Status AddStored(uint32_t ad, int32_t hour, std::string_view row) {
    AddHitsBefore(ad, hour);
    if (!NextIs(ad, hour)) return AddDistinctRow(row, &PointOf(hour));
    whole_.Clear();
    Status added = AddDistinctRow(row, &whole_);
    if (added.ok()) AddHits(ad, hour);
    return added;
  }
  void Finish() { AddHitsBefore(UINT32_MAX, INT32_MAX); }

 private:
  DistinctRow& PointOf(int32_t hour) {
    return points_[static_cast<size_t>((hour - range_.begin) / step_hours_)];
  }
  bool NextIs(uint32_t ad, int32_t hour) const {
    return next_ < hits_.size() && hits_[next_].ad == ad && hits_[next_].hour == hour;
  }
  void AddHitsBefore(uint32_t ad, int32_t hour) {
    while (next_ < hits_.size() && std::pair(hits_[next_].ad, hits_[next_].hour) < std::pair(ad, hour)) {
      whole_.Clear();
      AddHits(hits_[next_].ad, hits_[next_].hour);
    }
  }
  // On top of what whole_ has.
  void AddHits(uint32_t ad, int32_t hour) {
    for (; NextIs(ad, hour); ++next_) {
      whole_.users.Add(hits_[next_].run->users(hits_[next_].group));
      whole_.ips.Add(hits_[next_].run->ips(hits_[next_].group));
    }
    PointOf(hour).users.AddSet(&whole_.users);
    PointOf(hour).ips.AddSet(&whole_.ips);
  }

  const HourRange range_;
  const int32_t step_hours_;
  const std::span<DistinctRow> points_;
  std::vector<Hit> hits_;
  size_t next_ = 0;
  DistinctRow whole_;
};

}  // namespace

DistinctView::Snapshot DistinctView::Take() const {
  rocksdb::ReadOptions read;
  read.prefix_same_as_start = true;
  Snapshot snapshot;
  ReadGate::Pass pass = gate_.Enter();
  {
    std::lock_guard lock(runs_mutex_);
    snapshot.runs = live_;
    if (frozen_) snapshot.runs.insert(snapshot.runs.end(), frozen_->begin(), frozen_->end());
  }
  snapshot.rows.reset(storage_->db()->NewIterator(read, storage_->handle(Family::kDistinct)));
  return snapshot;
}

Status DistinctView::AddPoints(const Snapshot& snapshot, std::span<const uint32_t> ads, HourRange range,
                               int32_t step_hours, std::span<DistinctRow> points) const {
  std::vector<Hit> hits;
  for (const auto& run : snapshot.runs) CollectHits(*run, ads, range, &hits);
  HourSums sums(range, step_hours, points, std::move(hits));
  rocksdb::Iterator* it = snapshot.rows.get();
  for (uint32_t ad : ads) {
    for (it->Seek(DistinctKey{ad, range.begin}.Encode()); it->Valid(); it->Next()) {
      DistinctKey key;
      if (!DistinctKey::Decode(ToView(it->key()), &key))
        return Status::Corruption("a distinct key is unreadable");
      if (key.ad != ad || key.hour >= range.end) break;
      Status added = sums.AddStored(ad, key.hour, ToView(it->value()));
      if (!added.ok()) return added;
    }
    if (!it->status().ok()) return FromRocks(it->status(), "read distinct rows");
  }
  sums.Finish();
  return Status::Ok();
}

// Sets of many points would not fit memory, so they are made some points at a time, all from one
// snapshot.
Status DistinctView::Points(std::span<const uint32_t> ads, HourRange range, int32_t step_hours,
                            std::vector<DistinctPoint>* points) const {
  const auto count = static_cast<size_t>((range.end - range.begin) / step_hours);
  const int32_t complete_from = complete_from_;
  points->assign(count, {});
  const Snapshot snapshot = Take();
  std::vector<DistinctRow> rows;
  rows.reserve(std::min(count, kPointsAtOnce));
  while (rows.size() < std::min(count, kPointsAtOnce)) rows.emplace_back(kUnionExactMax);
  for (size_t first = 0; first < count; first += rows.size()) {
    const std::span<DistinctRow> wanted(rows.data(), std::min(rows.size(), count - first));
    const int32_t begin = range.begin + static_cast<int32_t>(first) * step_hours;
    const HourRange hours{begin, begin + static_cast<int32_t>(wanted.size()) * step_hours};
    for (DistinctRow& row : wanted) row.Clear();
    Status added = AddPoints(snapshot, ads, hours, step_hours, wanted);
    if (!added.ok()) return added;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const int32_t point_begin = begin + static_cast<int32_t>(i) * step_hours;
      (*points)[first + i] = {wanted[i].users.Count(), wanted[i].ips.Count(), point_begin >= complete_from};
    }
  }
  return Status::Ok();
}

}  // namespace tallymark
