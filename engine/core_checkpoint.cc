// Writing a checkpoint, and what expires.

#include <algorithm>
#include <future>

#include "engine/core.h"
#include "engine/identity_sealer.h"
#include "engine/meta_keys.h"
#include "engine/position_file.h"
#include "engine/thread_name.h"
#include "format/block_index.h"
#include "format/coding.h"
#include "format/keys.h"

namespace tallymark {
namespace {

// The retention position in hours: whole hours, one more kept than asked for, so that what the
// parser let in a moment ago is never behind it.
int32_t KeptFrom(int64_t now_ns, int64_t retain_ms) {
  if (retain_ms == 0) return INT32_MIN;
  return HourOf(now_ns - retain_ms * kNsPerMs) - 1;
}

// On a thread of their own, or when the result is asked for.
std::future<Result<DistinctView::Files>> BeginWriting(DistinctView* people, bool beside) {
  return std::async(beside ? std::launch::async : std::launch::deferred, [people, beside] {
    if (beside) NameThisThread("upkeep-people");
    return people->WriteFiles();
  });
}

bool Advance(std::atomic<int32_t>* position, int32_t to) {
  if (to <= position->load()) return false;
  position->store(to);
  return true;
}

}  // namespace

Result<SealedFiles> Core::SealFrozen(uint64_t sequence) {
  const int32_t raw_from = retention_->raw.load();
  // An event just inside retention may repeat one that lies a window before it.
  const int64_t oldest_ns = raw_from * kNsPerHour - context_.options.dedup_window_ms * kNsPerMs;
  const int32_t first_day = raw_from == INT32_MIN ? INT32_MIN : DayOf(oldest_ns);
  return SealGeneration(storage_.get(), identities_->manifest(), *identities_->frozen().generation, sequence,
                        first_day);
}

// Of what is frozen; with `seal` identities too.
Status Core::WriteCheckpoint(bool seal, uint64_t sequence) {
  std::vector<IngestFile> files;
  std::vector<std::pair<std::string_view, std::string>> positions;
  auto take = [&](std::string_view name, const std::vector<IngestFile>& written, std::string position) {
    files.insert(files.end(), written.begin(), written.end());
    positions.emplace_back(name, std::move(position));
  };
  const bool counters = counters_->has_frozen();
  const bool people = distinct_->has_frozen();
  learned_->Freeze(sequence);
  Result<LearnedAds::File> learned = learned_->WriteFile();
  if (!learned.ok()) return learned.status();
  if (learned->file) files.push_back(*learned->file);
  positions.emplace_back(kPositionAdOwners, std::move(learned->position));
  // People and counters have nothing in common until their files are ingested.
  std::future<Result<DistinctView::Files>> people_files;
  if (people) {
    const bool beside = distinct_->delta_bytes() >= context_.options.people_beside_bytes;
    people_files = BeginWriting(distinct_.get(), beside);
  }
  if (counters) {
    Result<CounterView::Files> written = counters_->WriteFiles();
    if (!written.ok()) return written.status();
    take(kPositionCounters, written->files, std::move(written->position));
  }
  if (people) {
    Result<DistinctView::Files> written = people_files.get();
    if (!written.ok()) return written.status();
    take(kPositionDistinct, written->files, std::move(written->position));
  }
  SealedFiles sealed;
  if (seal) {
    Result<SealedFiles> result = SealFrozen(sequence);
    if (!result.ok()) return result.status();
    sealed = std::move(*result);
    for (const std::string& path : sealed.paths) files.push_back({Family::kIdentities, path});
    positions.emplace_back(kPositionIdentities, sealed.manifest.Encode());
  }
  Result<IngestFile> position_file = WritePositionFile(storage_.get(), positions);
  if (!position_file.ok()) return position_file.status();
  files.push_back(*position_file);
  // A reader of both views passes one gate after the other, so that closing one inside the other
  // waits for nobody who waits.
  auto ingest_files = [&] { return storage_->Ingest(files); };
  auto ingest = [&] { return people ? distinct_->IngestAndPublish(ingest_files) : ingest_files(); };
  Status status = counters ? counters_->IngestAndPublish(ingest) : ingest();
  if (status.ok()) learned_->Ingested();
  if (!status.ok() || !seal) return status;
  identities_->Publish(sealed.manifest, sealed.removed);
  return DeleteSegments(storage_.get(), sealed.removed);
}

Status Core::IngestAside(const DeltaSet& counted,
                         std::vector<std::pair<std::string, std::string>> positions) {
  std::lock_guard lock(checkpoint_mutex_);
  if (checkpoint_failed_)
    return Status::Unavailable("a checkpoint has failed; memory is rebuilt from the log");
  Result<CounterView::Files> written = counters_->WriteAside(counted);
  if (!written.ok()) return written.status();
  std::vector<IngestFile> files = std::move(written->files);
  positions.emplace_back(kPositionCounters, std::move(written->position));
  std::ranges::sort(positions);
  std::vector<std::pair<std::string_view, std::string>> sorted(positions.begin(), positions.end());
  Result<IngestFile> position_file = WritePositionFile(storage_.get(), sorted);
  if (!position_file.ok()) return position_file.status();
  files.push_back(*position_file);
  Status status = counters_->IngestAside([&] { return storage_->Ingest(files); });
  if (!status.ok()) context_.on_failure(status);
  return status;
}

Status Core::Expire(int64_t now_ns) {
  const EngineOptions& options = context_.options;
  const int32_t raw_from = KeptFrom(now_ns, options.retain_raw_ms);
  const int32_t minutes_from = KeptFrom(now_ns, options.retain_minutes_ms);
  const int32_t hours_from = KeptFrom(now_ns, options.retain_hours_ms);
  if (raw_from <= retention_->raw && minutes_from <= retention_->minutes && hours_from <= retention_->hours) {
    return Status::Ok();
  }
  std::lock_guard lock(checkpoint_mutex_);
  if (raw_pins_ > 0) return Status::Ok();  // later
  // Persisted before anyone acts on it, so that it never goes back.
  std::string position;
  PutFixed(&position, std::max(raw_from, retention_->raw.load()));
  PutFixed(&position, std::max(minutes_from, retention_->minutes.load()));
  PutFixed(&position, std::max(hours_from, retention_->hours.load()));
  rocksdb::WriteOptions sync;
  sync.sync = true;
  rocksdb::DB* db = storage_->db();
  Status status = FromRocks(db->Put(sync, storage_->handle(Family::kMeta), ToSlice(kMetaRetention), position),
                            "write the retention position");
  if (!status.ok()) return status;
  if (Advance(&retention_->raw, raw_from)) status = ExpireRaw(raw_from);
  auto drop_lists = [&](Family family, int32_t first_kept) {
    return FromRocks(db->DeleteRange(rocksdb::WriteOptions(), storage_->handle(family),
                                     TopKey{INT32_MIN, 0, 0, 0, 0}.EncodePrefix(),
                                     TopKey{first_kept, 0, 0, 0, 0}.EncodePrefix()),
                     "expire top lists");
  };
  if (status.ok() && Advance(&retention_->minutes, minutes_from)) {
    status = drop_lists(Family::kTopMinutes, minutes_from * kMinutesPerHour);
  }
  if (status.ok() && Advance(&retention_->hours, hours_from))
    status = drop_lists(Family::kTopHours, hours_from);
  return status;
}

// Blocks of the log go one by one, through their hour index, once every view has passed them;
// repacked blocks go by range.
Status Core::ExpireRaw(int32_t first_kept) {
  rocksdb::DB* db = storage_->db();
  rocksdb::WriteBatch expired;
  const uint64_t passed = PassedSequence();
  std::unique_ptr<rocksdb::Iterator> it(
      db->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kRawHours)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    HourKey key;
    BlockIndexEntry entry;
    if (!HourKey::Decode(ToView(it->key()), &key) || !DecodeBlockIndex(ToView(it->value()), &entry)) {
      return Status::Corruption("raw_hours has an unreadable record");
    }
    if (key.hour >= first_kept) break;
    if (HourOf(entry.info.time_max_ns) >= first_kept || key.number > passed) continue;
    expired.Delete(storage_->handle(Family::kRawHours), it->key());
    expired.Delete(storage_->handle(Family::kRaw), RawKey{key.number}.Encode());
  }
  if (!it->status().ok()) return FromRocks(it->status(), "look for expired blocks");
  expired.DeleteRange(storage_->handle(Family::kPacked), HourKey{INT32_MIN, 0}.Encode(),
                      HourKey{first_kept, 0}.Encode());
  return storage_->raw_gate().Exclude(
      [&] { return FromRocks(db->Write(rocksdb::WriteOptions(), &expired), "expire raw blocks"); });
}

Status Core::FlushEverything() {
  for (int i = 0; i < kFamilyCount; ++i) {
    auto family = static_cast<Family>(i);
    rocksdb::Status flushed = storage_->db()->Flush(rocksdb::FlushOptions(), storage_->handle(family));
    if (!flushed.ok()) return FromRocks(flushed, "flush " + std::string(FamilyName(family)));
  }
  return Status::Ok();
}

Status Core::CompactEverything() {
  Status flushed = FlushEverything();
  if (!flushed.ok()) return flushed;
  for (int i = 0; i < kFamilyCount; ++i) {
    auto family = static_cast<Family>(i);
    rocksdb::CompactRangeOptions compact;
    rocksdb::Status done = storage_->db()->CompactRange(compact, storage_->handle(family), nullptr, nullptr);
    if (!done.ok()) return FromRocks(done, "compact " + std::string(FamilyName(family)));
  }
  return Status::Ok();
}

}  // namespace tallymark
