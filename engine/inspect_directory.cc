#include "engine/inspect_directory.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/dedup_window.h"
#include "engine/directory_lock.h"
#include "engine/file_names.h"
#include "engine/meta_keys.h"
#include "engine/retention_record.h"
#include "format/keys.h"

namespace tallymark {
namespace {

constexpr uint64_t kBlockCacheBytes = 64ULL << 20;
// A live owner may remove a file between our reading its name and opening it.
constexpr int kLiveAttemptsMax = 10;
constexpr int kCatchUpsMax = 100;

// A newer format or an empty folder stays what it is.
bool IsFinal(const Status& status) {
  return status.code() == Code::kInvalid || status.code() == Code::kNotFound;
}

// The list of files that makes up the database, and how long it is; empty when it cannot be read.
std::string ManifestState(const std::string& data_dir) {
  const std::filesystem::path database = DatabasePath(data_dir);
  std::ifstream current(database / "CURRENT");
  std::string name;
  std::error_code error;
  if (!std::getline(current, name)) return {};
  const auto bytes = std::filesystem::file_size(database / name, error);
  return error ? std::string() : name + " " + std::to_string(bytes);
}

// A secondary lists the files first and reads the log after them: what came or went in between is
// missing, or empty. Catching up takes less time than opening, so that soon nothing does.
Status SettleBesideOwner(const std::string& data_dir, const Storage& storage) {
  for (int i = 0; i < kCatchUpsMax; ++i) {
    const std::string before = ManifestState(data_dir);
    Status caught_up = FromRocks(storage.db()->TryCatchUpWithPrimary(), "follow the server");
    if (!caught_up.ok() || before == ManifestState(data_dir)) return caught_up;
  }
  return Status::Unavailable("files came and went all the time");
}

// A value of `meta` or `positions`; empty when there is none yet.
Result<std::string> GetIfThere(const Storage& storage, Family family, std::string_view key) {
  Result<std::string> value = storage.Get(family, key);
  if (!value.ok() && value.status().code() == Code::kNotFound) return std::string();
  return value;
}

}  // namespace

Result<std::unique_ptr<InspectedDirectory>> InspectedDirectory::Open(const std::string& data_dir) {
  Result<bool> held = IsDirectoryHeld(data_dir);
  if (!held.ok()) return held.status();
  StorageOptions options;
  options.data_dir = data_dir;
  options.block_cache_bytes = kBlockCacheBytes;
  options.read_only = true;
  options.beside_owner = *held;
  if (!*held) return OpenOnce(options);
  for (int attempt = 1;; ++attempt) {
    Result<std::unique_ptr<InspectedDirectory>> opened = OpenOnce(options);
    Status whole = opened.ok() ? (*opened)->CheckWhole() : opened.status();
    if (whole.ok() || IsFinal(whole)) return whole.ok() ? std::move(opened) : whole;
    if (attempt == kLiveAttemptsMax)
      return whole.WithContext("no moment to read beside the server was found; try again");
    std::this_thread::sleep_for(std::chrono::milliseconds(20 * attempt));
  }
}

Result<std::unique_ptr<InspectedDirectory>> InspectedDirectory::OpenOnce(const StorageOptions& options) {
  std::unique_ptr<InspectedDirectory> directory(new InspectedDirectory());
  directory->live = options.beside_owner;
  Result<std::unique_ptr<Storage>> storage = Storage::Open(options, directory->retention);
  if (!storage.ok()) return storage.status();
  directory->storage = std::move(*storage);
  Status settled =
      options.beside_owner ? SettleBesideOwner(options.data_dir, *directory->storage) : Status::Ok();
  if (!settled.ok()) return settled;
  Status loaded = directory->Load();
  if (!loaded.ok()) return loaded;
  return directory;
}

Status InspectedDirectory::Load() {
  Result<std::string> value = GetIfThere(*storage, Family::kMeta, kMetaLogState);
  if (!value.ok()) return value.status();
  if (!value->empty() && !log.Decode(*value)) return Status::Corruption("meta/log_state is unreadable");
  value = GetIfThere(*storage, Family::kMeta, kMetaRetention);
  if (!value.ok()) return value.status();
  if (!value->empty() && !DecodeRetention(*value, retention.get()))
    return Status::Corruption("meta/retention is unreadable");
  value = GetIfThere(*storage, Family::kPositions, kPositionCounters);
  if (!value.ok()) return value.status();
  if (!value->empty() && !counters.Decode(*value))
    return Status::Corruption("positions/counters is unreadable");
  value = GetIfThere(*storage, Family::kPositions, kPositionIdentities);
  if (!value.ok()) return value.status();
  if (!value->empty() && !identities.Decode(*value))
    return Status::Corruption("positions/identities is unreadable");
  value = GetIfThere(*storage, Family::kPositions, kPositionDistinct);
  if (!value.ok()) return value.status();
  if (!value->empty() && !distinct.Decode(*value))
    return Status::Corruption("positions/distinct is unreadable");
  Status filters_loaded = LoadFilters();
  if (!filters_loaded.ok()) return filters_loaded;
  Result<int64_t> window = SmallestDedupWindow(*storage);
  if (!window.ok()) return window.status();
  dedup_window_ns = *window;
  events = std::make_unique<EventReader>(storage.get(), &ads);
  return ads.Load(*storage, log.ads);
}

Status InspectedDirectory::LoadFilters() {
  std::unique_ptr<rocksdb::Iterator> it(
      storage->db()->NewIterator(rocksdb::ReadOptions(), storage->handle(Family::kFilters)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    FilterKey key;
    if (!FilterKey::Decode(ToView(it->key()), &key))
      return Status::Corruption("a filter's key is unreadable");
    FilterRecord& record = filters[key.id];
    Status decoded = DecodeFilterRecord(ToView(it->value()), &record);
    if (!decoded.ok()) return decoded.WithContext("filter " + std::to_string(key.id));
    filter_ids[record.current ? record.current->number : record.next->number] = key.id;
  }
  return FromRocks(it->status(), "read the filters");
}

FilterSet InspectedDirectory::AnsweringFilters() const {
  std::vector<FilterSet::Member> members;
  for (const auto& [id, record] : filters) {
    const FilterVersion& version = record.current ? *record.current : *record.next;
    members.push_back({version.number, version.active_from, version.definition});
  }
  return FilterSet(std::move(members));
}

std::vector<CountedFilter> InspectedDirectory::WholeFilters() const {
  std::vector<CountedFilter> whole(1);
  for (const auto& [id, record] : filters) {
    if (!record.current) continue;
    const FilterVersion& version = *record.current;
    whole.push_back(
        {version.number, id, version.active_from, version.complete_from_hour, version.definition});
  }
  return whole;
}

uint64_t InspectedDirectory::PassedSequence() const {
  const uint64_t counted = std::min(counters.covered_sequence, identities.covered_sequence);
  return distinct.active ? std::min(counted, distinct.covered_sequence) : counted;
}

// Beside a live owner files and log are read one after the other: whether they fit together shows
// in the positions and in a log without gaps.
Status InspectedDirectory::CheckWhole() const {
  const uint64_t passed = PassedSequence();
  const uint64_t newest =
      std::max({counters.covered_sequence, identities.covered_sequence, distinct.covered_sequence});
  if (newest > log.last_sequence) return Status::Unavailable("the log was read before the positions");
  return ForEachTailBlock(passed, [](uint64_t, std::string_view) { return Status::Ok(); });
}

Status InspectedDirectory::ForEachTailBlock(
    uint64_t after, const std::function<Status(uint64_t sequence, std::string_view block)>& visit) const {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.readahead_size = 4 << 20;
  std::unique_ptr<rocksdb::Iterator> it(storage->db()->NewIterator(read, storage->handle(Family::kRaw)));
  uint64_t expected = after + 1;
  for (it->Seek(RawKey{expected}.Encode()); it->Valid(); it->Next(), ++expected) {
    RawKey key;
    if (!RawKey::Decode(ToView(it->key()), &key)) return Status::Corruption("a key of raw is unreadable");
    if (key.sequence != expected) break;
    Status visited = visit(key.sequence, ToView(it->value()));
    if (!visited.ok()) return visited.WithContext("raw block " + std::to_string(key.sequence));
  }
  if (!it->status().ok()) return FromRocks(it->status(), "read the log");
  if (expected <= log.last_sequence)
    return Status::Corruption("raw block " + std::to_string(expected) + " of the log is missing");
  return Status::Ok();
}

}  // namespace tallymark
