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

void AddGroup(const DistinctRun& run, size_t group, HourRange range, int32_t step_hours,
              std::span<DistinctRow> points) {
  const auto point = static_cast<size_t>((run.group(group).hour - range.begin) / step_hours);
  points[point].users.Add(run.users(group));
  points[point].ips.Add(run.ips(group));
}

void AddRun(const DistinctRun& run, std::span<const uint32_t> ads, HourRange range, int32_t step_hours,
            std::span<DistinctRow> points) {
  if (run.hour_max() < range.begin || run.hour_min() >= range.end) return;
  const bool search = ads.size() * kSearchCost < run.size();
  size_t at = 0;
  for (uint32_t ad : ads) {
    if (search) at = run.LowerBound(ad, range.begin, at);
    while (at < run.size() &&
           (run.group(at).ad < ad || (run.group(at).ad == ad && run.group(at).hour < range.begin)))
      ++at;
    for (; at < run.size() && run.group(at).ad == ad && run.group(at).hour < range.end; ++at)
      AddGroup(run, at, range, step_hours, points);
  }
}

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
  rocksdb::Iterator* it = snapshot.rows.get();
  for (uint32_t ad : ads) {
    for (it->Seek(DistinctKey{ad, range.begin}.Encode()); it->Valid(); it->Next()) {
      DistinctKey key;
      if (!DistinctKey::Decode(ToView(it->key()), &key))
        return Status::Corruption("a distinct key is unreadable");
      if (key.ad != ad || key.hour >= range.end) break;
      const auto point = static_cast<size_t>((key.hour - range.begin) / step_hours);
      Status added = AddDistinctRow(ToView(it->value()), &points[point]);
      if (!added.ok()) return added;
    }
    if (!it->status().ok()) return FromRocks(it->status(), "read distinct rows");
  }
  for (const auto& run : snapshot.runs) AddRun(*run, ads, range, step_hours, points);
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
  // One hour of one ad is an estimate beyond the bound that its stored row has, wherever it lies now.
  const size_t exact_max = ads.size() == 1 && step_hours == 1 ? kDistinctExactMax : kUnionExactMax;
  while (rows.size() < std::min(count, kPointsAtOnce)) rows.emplace_back(exact_max);
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
