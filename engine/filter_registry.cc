#include "engine/filter_registry.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <future>
#include <utility>

#include "engine/meta_keys.h"
#include "format/coding.h"
#include "format/keys.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

std::string Name(uint32_t id) { return "filter " + std::to_string(id); }

void AddNumbers(const FilterRecord& record, std::vector<uint32_t>* numbers) {
  if (record.current) numbers->push_back(record.current->number);
  if (record.next) numbers->push_back(record.next->number);
}

}  // namespace

FilterRegistry::FilterRegistry(Storage* storage, std::shared_ptr<LiveFilters> live)
    : storage_(storage), live_(std::move(live)) {}

Status FilterRegistry::Load() {
  Result<std::string> number = storage_->Get(Family::kMeta, kMetaFilterNumber);
  if (number.ok()) {
    std::string_view in = *number;
    if (!GetFixed(&in, &next_number_) || !in.empty())
      return Status::Corruption("meta/filter_number is unreadable");
  } else if (number.status().code() != Code::kNotFound) {
    return number.status();
  }
  Records records;
  std::unique_ptr<rocksdb::Iterator> it(
      storage_->db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kFilters)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    FilterKey key;
    if (!FilterKey::Decode(ToView(it->key()), &key))
      return Status::Corruption("a filter's key is unreadable");
    Status decoded = DecodeFilterRecord(ToView(it->value()), &records[key.id]);
    if (!decoded.ok()) return decoded.WithContext(Name(key.id));
  }
  if (!it->status().ok()) return FromRocks(it->status(), "read the filters");
  Publish(std::move(records));
  return Status::Ok();
}

void FilterRegistry::Attach(Pipeline* pipeline, JobBoard* jobs) {
  pipeline_ = pipeline;
  jobs_ = jobs;
}

std::shared_ptr<const FilterSet> FilterRegistry::SetOf(const Records& records) {
  std::vector<FilterSet::Member> members;
  auto add = [&](const std::optional<FilterVersion>& version) {
    if (version) members.push_back({version->number, version->active_from, version->definition});
  };
  for (const auto& [id, record] : records) {
    add(record.current);
    add(record.next);
  }
  return std::make_shared<const FilterSet>(std::move(members));
}

std::shared_ptr<const FilterSet> FilterRegistry::Active() const {
  std::lock_guard lock(mutex_);
  return SetOf(records_);
}

void FilterRegistry::Publish(Records next) {
  std::vector<uint32_t> numbers;
  for (const auto& [id, record] : next) AddNumbers(record, &numbers);
  live_->Set(std::move(numbers));
  std::lock_guard lock(mutex_);
  records_ = std::move(next);
}

Result<FilterRegistry::Reading> FilterRegistry::Find(uint32_t id) const {
  if (id == 0) return Reading{};
  std::lock_guard lock(mutex_);
  auto found = records_.find(id);
  if (found == records_.end()) return Status::NotFound("there is no " + Name(id));
  const FilterRecord& record = found->second;
  const FilterVersion& read = record.current ? *record.current : *record.next;
  Reading reading{read.number, {}, read.complete_from_hour};
  if (record.next) reading.readiness = {false, ProgressOf(record.next->number)};
  return reading;
}

double FilterRegistry::ProgressOf(uint32_t number) const {
  auto found = progress_.find(number);
  return found == progress_.end() ? 0 : found->second;
}

FilterInfo FilterRegistry::InfoOf(uint32_t id, const FilterRecord& record) const {
  const FilterVersion& newest = record.next ? *record.next : *record.current;
  FilterInfo info;
  info.id = id;
  info.definition = newest.definition;
  info.ready = !record.next;
  info.job = newest.job;
  info.progress = info.ready ? 1 : ProgressOf(newest.number);
  if (record.next && record.current) info.counted = record.current->definition;
  const FilterVersion& read = record.current ? *record.current : newest;
  if (read.complete_from_hour != INT32_MIN) info.complete_from_ms = read.complete_from_hour * kMsPerHour;
  return info;
}

Result<FilterInfo> FilterRegistry::Info(uint32_t id) const {
  std::lock_guard lock(mutex_);
  auto found = records_.find(id);
  if (found == records_.end()) return Status::NotFound("there is no " + Name(id));
  return InfoOf(id, found->second);
}

std::vector<FilterInfo> FilterRegistry::List() const {
  std::lock_guard lock(mutex_);
  std::vector<FilterInfo> filters;
  for (const auto& [id, record] : records_) filters.push_back(InfoOf(id, record));
  return filters;
}

// A job that failed or was given up counts nothing any more.
bool FilterRegistry::IsBeingCounted(const FilterRecord& record) const {
  if (!record.next) return false;
  Result<JobInfo> job = jobs_->Find(record.next->job);
  return job.ok() && !IsAtRest(job->state);
}

// The number is taken for good before anything can be counted under it.
Status FilterRegistry::TakeNumber(uint32_t* number) {
  if (next_number_ == UINT32_MAX) return Status::Exhausted("no more filters can be defined here");
  *number = next_number_;
  std::string value;
  PutFixed(&value, next_number_ + 1);
  rocksdb::WriteOptions sync;
  sync.sync = true;
  Status kept =
      FromRocks(storage_->db()->Put(sync, storage_->handle(Family::kMeta), ToSlice(kMetaFilterNumber), value),
                "take a filter number");
  if (kept.ok()) ++next_number_;
  return kept;
}

Status FilterRegistry::Switch(const Records& next, const std::function<Status(uint64_t sequence)>& persist) {
  std::promise<Status> done;
  Pipeline::Mark mark;
  mark.filters = SetOf(next);
  mark.at_mark = [&] { done.set_value(persist(pipeline_->state().last_sequence)); };
  mark.abandoned = [&](const Status& status) { done.set_value(status); };
  std::future<Status> result = done.get_future();
  pipeline_->Send(std::move(mark));
  return result.get();
}

Status FilterRegistry::Keep(uint32_t id, const FilterRecord* record) {
  rocksdb::WriteOptions sync;
  sync.sync = true;
  const std::string key = FilterKey{id}.Encode();
  rocksdb::ColumnFamilyHandle* handle = storage_->handle(Family::kFilters);
  rocksdb::Status written = record == nullptr
                                ? storage_->db()->Delete(sync, handle, key)
                                : storage_->db()->Put(sync, handle, key, EncodeFilterRecord(*record));
  return FromRocks(written, "keep " + Name(id));
}

Result<FilterInfo> FilterRegistry::Define(uint32_t id, FilterDefinition definition, bool* created) {
  if (id == 0) return Status::Invalid("filter 0 is everything and cannot be defined");
  std::lock_guard change(change_mutex_);
  Records next;
  {
    std::lock_guard lock(mutex_);
    next = records_;
  }
  auto [entry, is_new] = next.try_emplace(id);
  *created = is_new;
  if (is_new && next.size() > kFiltersMax) {
    return Status::Conflict("there are " + std::to_string(kFiltersMax) +
                            " filters already; delete one first");
  }
  if (IsBeingCounted(entry->second)) {
    return Status::Conflict(Name(id) + " is in use by job " + std::to_string(entry->second.next->job) +
                            "; wait for it or cancel it");
  }
  FilterRecord& kept = entry->second;
  FilterVersion& version = kept.next.emplace();
  version.definition = std::move(definition);
  Status status = TakeNumber(&version.number);
  if (!status.ok()) return status;
  status = Switch(next, [&](uint64_t sequence) {
    version.active_from = sequence;
    auto with = [&](uint64_t job, rocksdb::WriteBatch* write) {
      version.job = job;
      write->Put(storage_->handle(Family::kFilters), FilterKey{id}.Encode(), EncodeFilterRecord(kept));
    };
    Result<JobInfo> job = jobs_->Submit(kJobKind, JobParameters(id, version.number), with);
    if (!job.ok()) return job.status();
    Publish(next);
    return Status::Ok();
  });
  if (!status.ok()) return status;
  return Info(id);
}

Status FilterRegistry::Remove(uint32_t id) {
  std::lock_guard change(change_mutex_);
  Records next;
  {
    std::lock_guard lock(mutex_);
    next = records_;
  }
  auto found = next.find(id);
  if (found == next.end()) return Status::NotFound("there is no " + Name(id));
  if (IsBeingCounted(found->second)) {
    return Status::Conflict(Name(id) + " is in use by job " + std::to_string(found->second.next->job) +
                            "; wait for it or cancel it");
  }
  next.erase(found);
  Status kept = Keep(id, nullptr);
  if (!kept.ok()) return kept;
  Publish(next);
  return Switch(next, [](uint64_t) { return Status::Ok(); });
}

std::vector<FilterRegistry::Pending> FilterRegistry::ListPending() const {
  std::lock_guard change(change_mutex_);
  std::lock_guard lock(mutex_);
  std::vector<Pending> pending;
  for (const auto& [id, record] : records_) {
    if (record.next) pending.push_back({id, *record.next});
  }
  return pending;
}

std::vector<FilterRegistry::Whole> FilterRegistry::ListWhole() const {
  std::lock_guard lock(mutex_);
  std::vector<Whole> whole;
  for (const auto& [id, record] : records_) {
    if (record.current) whole.push_back({id, *record.current});
  }
  return whole;
}

bool FilterRegistry::IsCurrent(uint32_t id, uint32_t number) const {
  std::lock_guard lock(mutex_);
  auto found = records_.find(id);
  return found != records_.end() && found->second.current && found->second.current->number == number;
}

void FilterRegistry::SetProgress(uint32_t number, double share) {
  std::lock_guard lock(mutex_);
  progress_[number] = share;
}

Status FilterRegistry::Finish(uint32_t id, uint32_t number, int32_t complete_from_hour) {
  std::lock_guard change(change_mutex_);
  Records next;
  {
    std::lock_guard lock(mutex_);
    next = records_;
    progress_.erase(number);
  }
  auto found = next.find(id);
  if (found == next.end() || !found->second.next || found->second.next->number != number) return Status::Ok();
  FilterRecord& record = found->second;
  record.current = std::move(record.next);
  record.next.reset();
  record.current->complete_from_hour = complete_from_hour;
  Status kept = Keep(id, &record);
  if (!kept.ok()) return kept;
  Publish(next);
  return Switch(next, [](uint64_t) { return Status::Ok(); });
}

Status FilterRegistry::TakeBack(uint32_t id, uint32_t number) {
  std::lock_guard change(change_mutex_);
  Records next;
  {
    std::lock_guard lock(mutex_);
    next = records_;
    progress_.erase(number);
  }
  auto found = next.find(id);
  if (found == next.end() || !found->second.next || found->second.next->number != number) return Status::Ok();
  found->second.next.reset();
  const bool remains = found->second.current.has_value();
  Status kept = Keep(id, remains ? &found->second : nullptr);
  if (!kept.ok()) return kept;
  if (!remains) next.erase(found);
  Publish(next);
  return Switch(next, [](uint64_t) { return Status::Ok(); });
}

bool FilterRegistry::HoldsRaw() const {
  std::vector<FilterRecord> records;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, record] : records_) {
      if (record.next) records.push_back(record);
    }
  }
  return std::ranges::any_of(records, [&](const FilterRecord& record) { return IsBeingCounted(record); });
}

std::string FilterRegistry::JobParameters(uint32_t id, uint32_t number) {
  std::string out;
  PutFixed(&out, id);
  PutFixed(&out, number);
  return out;
}

bool FilterRegistry::ReadJobParameters(std::string_view parameters, uint32_t* id, uint32_t* number) {
  return GetFixed(&parameters, id) && GetFixed(&parameters, number) && parameters.empty();
}

}  // namespace tallymark
