// Distinct people as an Inspector lists them: rows on disk and what the log holds beyond them.

#include <algorithm>
#include <map>

#include "engine/distinct_run.h"
#include "engine/inspect_impl.h"
#include "format/distinct_set.h"
#include "format/keys.h"

namespace tallymark {
namespace {

using HourRows = std::map<int32_t, DistinctRow>;

void AddRun(const DistinctRun& run, uint32_t ad, HourRows* rows) {
  for (size_t i = run.LowerBound(ad, INT32_MIN); i < run.size() && run.group(i).ad == ad; ++i) {
    DistinctRow& row = (*rows)[run.group(i).hour];
    row.users.Add(run.users(i));
    row.ips.Add(run.ips(i));
  }
}

Status AddRows(rocksdb::Iterator* it, uint32_t ad, HourRows* rows) {
  for (it->Seek(DistinctKey{ad, INT32_MIN}.Encode()); it->Valid(); it->Next()) {
    DistinctKey key;
    if (!DistinctKey::Decode(ToView(it->key()), &key))
      return Status::Corruption("a distinct key is unreadable");
    if (key.ad != ad) break;
    Status added = AddDistinctRow(ToView(it->value()), &(*rows)[key.hour]);
    if (!added.ok())
      return added.WithContext("ad " + std::to_string(ad) + ", hour " + std::to_string(key.hour));
  }
  return FromRocks(it->status(), "read distinct rows");
}

}  // namespace

// Nothing is listed when the view is off: its rows are of no use to anybody then.
Status InspectorImpl::ForEachDistinct(const InspectRange& range,
                                      const std::function<bool(const DistinctRecord&)>& emit) {
  const DistinctPosition& position = directory_->distinct;
  if (!position.active) return Status::Ok();
  std::vector<std::shared_ptr<const DistinctRun>> tail;
  DistinctRunBuilder builder(std::make_shared<RunMemory>());
  PeopleColumns columns;
  Status status =
      directory_->ForEachTailBlock(position.covered_sequence, [&](uint64_t, std::string_view block) {
        Status decoded = DecodePeopleColumns(block, &columns);
        if (!decoded.ok()) return decoded;
        if (auto run = builder.FromBlock(columns)) tail.push_back(std::move(run));
        return decoded;
      });
  rocksdb::ReadOptions read;
  read.total_order_seek = true;
  read.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> it(
      directory_->storage->db()->NewIterator(read, directory_->storage->handle(Family::kDistinct)));
  for (uint32_t ad : AdsByName(range.ad_id)) {
    HourRows rows;
    if (status.ok()) status = AddRows(it.get(), ad, &rows);
    if (!status.ok()) return status;
    for (const auto& run : tail) AddRun(*run, ad, &rows);
    for (auto& [hour, row] : rows) {
      const int64_t start_ns = hour * kNsPerHour;
      if (directory_->HoursAreGone(hour) || start_ns < range.from_ns || start_ns >= range.to_ns) continue;
      if (!emit({std::string(directory_->ads.Name(ad)), hour * kMsPerHour, row.users.Count(), row.ips.Count(),
                 hour >= position.complete_from})) {
        return Status::Ok();
      }
    }
  }
  return status;
}

}  // namespace tallymark
