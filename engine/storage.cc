#include "engine/storage.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <charconv>
#include <cstdarg>
#include <filesystem>
#include <map>

#include "engine/counter_rules.h"
#include "engine/directory_format.h"
#include "engine/directory_lock.h"
#include "engine/distinct_rules.h"
#include "engine/file_names.h"
#include "engine/log_file_system.h"
#include "engine/meta_keys.h"
#include "format/keys.h"

namespace tallymark {
namespace {

// A name a line, so that changes stay apart.
// clang-format off
constexpr std::array<std::string_view, kFamilyCount> kFamilyNames = {
    "default",
    "meta",
    "raw",
    "raw_hours",
    "packed",
    "positions",
    "counters",
    "identities",
    "ads",
    "top_minutes",
    "top_hours",
    "jobs",
    "filters",
    "imports",
    "distinct",
    "pending_conversions",
    "ad_owners",
    "ad_settings",
};
// clang-format on
static_assert(!kFamilyNames.back().empty(), "every family has a name");

// A checkpoint has a file of counters and one of people, this of some 50 MB (100M lines of an hour).
// They are folded this many at a time, as each time all older rows of theirs are read and written too.
constexpr int kCheckpointsFolded = 8;
// The level that they go to takes several of them before there is another below it, which everything would
// be copied to once more.
constexpr uint64_t kCountsBaseBytes = uint64_t{1} << 30;

rocksdb::ColumnFamilyOptions FamilyOptions(Family family, const std::shared_ptr<rocksdb::Cache>& cache,
                                           const std::shared_ptr<RetentionPositions>& retention,
                                           const std::shared_ptr<LiveFilters>& live) {
  rocksdb::ColumnFamilyOptions options;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = 8 << 20;
  options.max_write_buffer_number = 2;  // more can reorder a retried flush in 7.8.3
  options.level_compaction_dynamic_level_bytes = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.format_version = 5;
  switch (family) {
    case Family::kRaw:
    case Family::kPacked:
      options.write_buffer_size = 32 << 20;
      options.target_file_size_base = 128 << 20;
      table.block_size = 64 << 10;
      break;
    case Family::kIdentities:
      options.target_file_size_base = 512 << 20;
      table.block_size = 2 << 10;  // one bucket a block: a look-up reads what it needs and no more
      break;
    case Family::kCounters:
      options.merge_operator = NewCounterMergeOperator();
      options.compaction_filter_factory = NewCounterFilterFactory(retention, live);
      options.compression = rocksdb::kLZ4Compression;
      options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(CounterKey::kPrefixSize));
      table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
      table.whole_key_filtering = false;
      table.block_size = 16 << 10;
      options.target_file_size_base = 64 << 20;
      options.level0_file_num_compaction_trigger = kCheckpointsFolded;
      options.max_bytes_for_level_base = kCountsBaseBytes;
      break;
    case Family::kDistinct:
      options.merge_operator = NewDistinctMergeOperator();
      options.compaction_filter_factory = NewDistinctFilterFactory(retention);
      // Elements do not shrink; keys of rows of one or two people do, and most rows are that.
      options.compression = rocksdb::kLZ4Compression;
      options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(DistinctKey::kPrefixSize));
      table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
      table.whole_key_filtering = false;
      table.block_size = 16 << 10;
      options.target_file_size_base = 64 << 20;
      options.level0_file_num_compaction_trigger = kCheckpointsFolded;
      options.max_bytes_for_level_base = kCountsBaseBytes;
      break;
    case Family::kTopMinutes:
    case Family::kTopHours:
      options.compaction_filter_factory = NewTopListFilterFactory(live);
      table.block_size = 32 << 10;
      break;
    default:
      break;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::DBOptions DatabaseOptions() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 3;
  // Small families are flushed for the sake of the log: it costs little and keeps the log short.
  options.max_total_wal_size = 128 << 20;
  // What flushes, compaction and checkpoints write goes to the disk by this much at a time. A file that is
  // written out as a whole at its end holds up the log's sync for as long as that takes (bench/README.md).
  options.bytes_per_sync = 1 << 20;
  options.wal_bytes_per_sync = 4 << 20;
  options.max_open_files = -1;
  options.keep_log_file_num = 4;
  options.max_log_file_size = 16 << 20;
  options.stats_dump_period_sec = 0;
  return options;
}

// Readers leave no info log behind.
class NoInfoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

}  // namespace

std::string_view FamilyName(Family family) { return kFamilyNames[static_cast<size_t>(family)]; }

Status FromRocks(const rocksdb::Status& status, const std::string& context) {
  if (status.ok()) return Status::Ok();
  std::string message = context + ": " + status.ToString();
  if (status.IsNotFound()) return Status::NotFound(std::move(message));
  if (status.IsCorruption()) return Status::Corruption(std::move(message));
  if (status.IsInvalidArgument() || status.IsNotSupported()) return Status::Internal(std::move(message));
  return Status::Io(std::move(message));
}

void LiveFilters::Set(Numbers numbers) {
  std::ranges::sort(numbers);
  std::lock_guard lock(mutex_);
  numbers_ = std::make_shared<const Numbers>(std::move(numbers));
}

std::shared_ptr<const LiveFilters::Numbers> LiveFilters::Get() const {
  std::lock_guard lock(mutex_);
  return numbers_;
}

Result<std::unique_ptr<Storage>> Storage::Open(const StorageOptions& options,
                                               std::shared_ptr<RetentionPositions> retention) {
  std::unique_ptr<Storage> storage(new Storage());
  storage->options_ = options;
  Status status = storage->PrepareFolders();
  if (!status.ok()) return status;
  storage->DescribeFamilies(retention);
  status = storage->ListFamilies();
  if (!status.ok()) return status;
  status = storage->OpenDatabase();
  if (!status.ok()) return status;
  status = storage->ReadFormat();
  if (status.ok() && !options.read_only) status = storage->EmptyScratch();
  if (!status.ok()) return status;
  return storage;
}

// Refuses a newer directory and marks an older one with our version, both before RocksDB sees it:
// an older program that comes later must not open what a crash left half upgraded.
Status Storage::PrepareFolders() {
  const std::string& data_dir = options_.data_dir;
  Result<int> version = ReadFormatFile(data_dir);
  if (!version.ok()) return version.status();
  Status readable = CheckFormatVersion(data_dir, *version);
  if (!readable.ok()) return readable;
  const std::string path = DatabasePath(data_dir);
  created_ = !std::filesystem::exists(path + "/CURRENT");
  if (options_.read_only) {
    return created_ ? Status::NotFound(data_dir + " holds no Tallymark data") : Status::Ok();
  }
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Status::Io("cannot create " + path + ": " + error.message());
  if (*version == kFormatVersion) return Status::Ok();
  // An owner that is alive may be an older program, whose directory this is.
  Result<bool> held = IsDirectoryHeld(data_dir);
  if (!held.ok()) return held.status();
  if (*held) return Status::Conflict(data_dir + " is in use by another process");
  return WriteFormatFile(data_dir, kFormatVersion);
}

void Storage::DescribeFamilies(const std::shared_ptr<RetentionPositions>& retention) {
  auto cache = rocksdb::NewLRUCache(options_.block_cache_bytes);
  db_options_ = DatabaseOptions();
  statistics_ = rocksdb::CreateDBStatistics();
  // Nobody asks for its histograms, and each look-up would be timed for them.
  statistics_->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  db_options_.statistics = statistics_;
  // A record that a crash cut short ends the log, as nobody was told that it is durable. One whose
  // checksum is wrong was damaged later, and acknowledged events may stand behind it.
  db_options_.wal_recovery_mode = options_.cut_damaged_log
                                      ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                      : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  if (options_.read_only) db_options_.info_log = std::make_shared<NoInfoLog>();
  std::shared_ptr<rocksdb::FileSystem> files =
      options_.file_system ? options_.file_system : rocksdb::FileSystem::Default();
  env_ = rocksdb::NewCompositeEnv(std::make_shared<LogFileSystem>(files));
  db_options_.env = env_.get();
  for (int i = 0; i < kFamilyCount; ++i) {
    descriptors_.emplace_back(std::string(kFamilyNames[static_cast<size_t>(i)]),
                              FamilyOptions(static_cast<Family>(i), cache, retention, options_.live_filters));
  }
}

// Which families the directory has. One that we do not know is a newer program's, even where the
// version has been lost.
Status Storage::ListFamilies() {
  if (created_) return Status::Ok();
  const std::string path = DatabasePath(options_.data_dir);
  std::vector<std::string> names;
  rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(db_options_, path, &names);
  if (!listed.ok()) return FromRocks(listed, "cannot open " + path);
  for (const std::string& name : names) {
    const auto* known = std::find(kFamilyNames.begin(), kFamilyNames.end(), name);
    if (known == kFamilyNames.end()) {
      return Status::Invalid(
          options_.data_dir + " has a column family \"" + name +
          "\", which this program does not know: use the newer program it was written with");
    }
    present_[static_cast<size_t>(known - kFamilyNames.begin())] = true;
  }
  return Status::Ok();
}

// Only once the lock is held: another process's files may be on their way there.
Status Storage::EmptyScratch() const {
  const std::string scratch = ScratchDirectory(options_.data_dir);
  std::error_code error;
  std::filesystem::remove_all(scratch, error);
  if (!error) std::filesystem::create_directories(scratch, error);
  return error ? Status::Io("cannot empty " + scratch + ": " + error.message()) : Status::Ok();
}

Status Storage::OpenDatabase() {
  const std::string path = DatabasePath(options_.data_dir);
  if (!options_.read_only) present_.fill(true);
  std::vector<rocksdb::ColumnFamilyDescriptor> wanted;
  for (size_t i = 0; i < descriptors_.size(); ++i) {
    if (present_[i]) wanted.push_back(descriptors_[i]);
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::Status opened;
  if (!options_.read_only) {
    opened = rocksdb::DB::Open(db_options_, path, wanted, &handles, &db);
  } else if (options_.beside_owner) {
    // The folder is for an info log, which there is none of.
    const std::string unused = std::filesystem::temp_directory_path().string();
    opened = rocksdb::DB::OpenAsSecondary(db_options_, path, unused, wanted, &handles, &db);
  } else {
    opened = rocksdb::DB::OpenForReadOnly(db_options_, path, wanted, &handles, &db);
  }
  if (!opened.ok()) {
    bool locked = opened.IsIOError() && opened.ToString().find("lock") != std::string::npos;
    if (locked) return Status::Conflict(options_.data_dir + " is in use by another process");
    const bool may_be_log = opened.IsCorruption() && !options_.cut_damaged_log;
    return FromRocks(opened,
                     "cannot open " + path +
                         (may_be_log ? " (where the damage is in a .log file, tallyd --cut-damaged-log "
                                       "starts without what stands at and behind it)"
                                     : ""));
  }
  db_.reset(db);
  handles_.fill(handles[0]);
  for (size_t i = 0, next = 0; i < handles_.size(); ++i) {
    if (present_[i]) handles_[i] = handles[next++];
  }
  return Status::Ok();
}

// The version stands in `meta` too: FORMAT may have been lost on the way, and version 1 knew only this.
Status Storage::ReadFormat() {
  Result<std::string> stored = Get(Family::kMeta, kMetaFormatVersion);
  if (!stored.ok() && stored.status().code() != Code::kNotFound) return stored.status();
  if (!stored.ok()) {
    if (options_.read_only) return Status::Corruption("no format version in " + options_.data_dir);
    return FinishUpgrade();
  }
  auto [end, error] = std::from_chars(stored->data(), stored->data() + stored->size(), format_version_);
  if (error != std::errc() || end != stored->data() + stored->size() || format_version_ < 1)
    return Status::Corruption("format version of " + options_.data_dir + " is unreadable");
  return CheckFormatVersion(options_.data_dir, format_version_);
}

Status Storage::FinishUpgrade() {
  if (format_version_ == kFormatVersion) return Status::Ok();
  rocksdb::WriteOptions sync;
  sync.sync = true;
  format_version_ = kFormatVersion;
  return FromRocks(
      db_->Put(sync, handle(Family::kMeta), ToSlice(kMetaFormatVersion), std::to_string(kFormatVersion)),
      "write the format version");
}

Storage::~Storage() {
  for (size_t i = 0; db_ && i < handles_.size(); ++i) {
    if (present_[i]) db_->DestroyColumnFamilyHandle(handles_[i]);
  }
  if (db_) db_->Close().PermitUncheckedError();
}

rocksdb::Options Storage::OptionsFor(Family f) const {
  return rocksdb::Options(db_options_, descriptors_[static_cast<size_t>(f)].options);
}

std::unique_ptr<rocksdb::SstFileWriter> Storage::NewFileWriter(Family f) const {
  constexpr bool kInvalidatePageCache = false;
  return std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(db_options_), OptionsFor(f), nullptr,
                                                  kInvalidatePageCache);
}

std::string Storage::ScratchPath(std::string_view stem) {
  return ScratchDirectory(options_.data_dir) + "/" + std::string(stem) + "-" +
         std::to_string(scratch_number_.fetch_add(1)) + ".sst";
}

Result<std::string> Storage::Get(Family f, std::string_view key) const {
  rocksdb::ReadOptions read;
  std::string value;
  rocksdb::Status status = db_->Get(read, handle(f), ToSlice(key), &value);
  if (status.ok()) return value;
  return FromRocks(status, "read " + std::string(FamilyName(f)));
}

Status Storage::Ingest(const std::vector<IngestFile>& files) {
  if (files.empty()) return Status::Ok();
  std::map<Family, std::vector<std::string>> by_family;
  for (const IngestFile& file : files) by_family[file.family].push_back(file.path);
  std::vector<rocksdb::IngestExternalFileArg> args;
  for (auto& [family, paths] : by_family) {
    rocksdb::IngestExternalFileArg arg;
    arg.column_family = handle(family);
    arg.external_files = std::move(paths);
    arg.options.move_files = true;
    arg.options.write_global_seqno = false;
    arg.options.failed_move_fall_back_to_copy = true;
    args.push_back(std::move(arg));
  }
  return FromRocks(db_->IngestExternalFiles(args), "ingest a checkpoint");
}

}  // namespace tallymark
