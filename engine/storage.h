#ifndef TALLYMARK_ENGINE_STORAGE_H_
#define TALLYMARK_ENGINE_STORAGE_H_

#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/statistics.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/read_gate.h"
#include "format/status.h"

namespace tallymark {

// The column families, in the order of kFamilyNames. What each holds: engine/data_directory.md. A new
// one takes a line here and one in kFamilyNames; directories that lack it get it when they are
// opened for writing.
enum class Family : uint8_t {
  kDefault = 0,  // RocksDB insists on one; empty
  kMeta,
  kRaw,
  kRawHours,
  kPacked,
  kPositions,
  kCounters,
  kIdentities,
  kAds,
  kTopMinutes,
  kTopHours,
  kJobs,
  kFilters,
  kImports,
  kDistinct,
  kPendingConversions,
  kAdOwners,
  kAdSettings,
  kCount,  // not a family: how many there are
};
inline constexpr int kFamilyCount = static_cast<int>(Family::kCount);
std::string_view FamilyName(Family family);

// A RocksDB status as ours; the one place where they meet.
Status FromRocks(const rocksdb::Status& status, const std::string& context);

// How far retention has come, in hours since the epoch: what lies before is gone, whatever is
// still on disk. Read by the compaction filter and by every query; only moves forward.
struct RetentionPositions {
  std::atomic<int32_t> raw{INT32_MIN};
  std::atomic<int32_t> minutes{INT32_MIN};
  std::atomic<int32_t> hours{INT32_MIN};
};

// Internal numbers of filters that have rows somebody may read. What lies under another number is
// dropped when it is compacted. Thread safe.
class LiveFilters {
 public:
  using Numbers = std::vector<uint32_t>;
  void Set(Numbers numbers);
  // Sorted. Null until the first Set: who does not know which live must drop none.
  std::shared_ptr<const Numbers> Get() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Numbers> numbers_;
};

struct StorageOptions {
  std::string data_dir;
  uint64_t block_cache_bytes = 512ULL << 20;
  // Nothing in the directory is created, changed or removed.
  bool read_only = false;
  // With read_only: another process holds the directory. What was durable at Open is seen; no
  // snapshots (reads need none, since nothing moves).
  bool beside_owner = false;
  // A damaged record of RocksDB's log ends the log, instead of refusing the directory: what was
  // acknowledged behind it is given up.
  bool cut_damaged_log = false;
  // Tests put a faulty file system here; null is the machine's.
  std::shared_ptr<rocksdb::FileSystem> file_system;
  // Null: rows of every filter are kept.
  std::shared_ptr<LiveFilters> live_filters;
};

// A file to be ingested, already written and closed.
struct IngestFile {
  Family family = Family::kDefault;
  std::string path;
};

// The opened database: handles, options, and the few calls everything else is made of. Thread
// safe. The RocksDB lock keeps other processes out for as long as it lives.
class Storage {
 public:
  // Opens or creates `data_dir`/db. A directory of a newer format is refused (kInvalid) with nothing
  // in it changed; one of an older format gets the families it lacks and is marked with ours, or
  // with `read_only` stays as it is, and its missing families read as empty. kConflict when another
  // process holds the directory, kNotFound when it is to be read and is not there.
  static Result<std::unique_ptr<Storage>> Open(const StorageOptions& options,
                                               std::shared_ptr<RetentionPositions> retention);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  rocksdb::DB* db() const { return db_.get(); }
  rocksdb::ColumnFamilyHandle* handle(Family f) const { return handles_[static_cast<size_t>(f)]; }
  rocksdb::Options OptionsFor(Family f) const;
  // Writes a sorted file for Ingest. What it writes stays in the page cache: look-ups for the newest
  // identities and counters come at once.
  std::unique_ptr<rocksdb::SstFileWriter> NewFileWriter(Family f) const;
  rocksdb::Statistics* statistics() const { return statistics_.get(); }
  const std::string& data_dir() const { return options_.data_dir; }
  // As `meta` has it: that of the program which wrote the directory until FinishUpgrade says that
  // everything in it is of ours.
  int format_version() const { return format_version_; }
  Status FinishUpgrade();
  // A fresh path in the scratch folder, where files live until they are ingested. Emptied at Open.
  std::string ScratchPath(std::string_view stem);

  // kNotFound when the key is absent.
  Result<std::string> Get(Family f, std::string_view key) const;

  // Between readers of `raw`, `raw_hours` and `packed` and changes that move events among them.
  ReadGate& raw_gate() { return raw_gate_; }

  // Ingests all files in one atomic step. Files of one family must not overlap.
  Status Ingest(const std::vector<IngestFile>& files);

 private:
  Storage() = default;
  Status PrepareFolders();
  Status ListFamilies();
  Status OpenDatabase();
  void DescribeFamilies(const std::shared_ptr<RetentionPositions>& retention);
  Status ReadFormat();
  Status EmptyScratch() const;

  StorageOptions options_;
  std::shared_ptr<rocksdb::Statistics> statistics_;
  std::unique_ptr<rocksdb::Env> env_;
  bool created_ = false;    // there was no database yet
  int format_version_ = 0;  // 0: none is recorded
  std::array<bool, kFamilyCount> present_{};
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors_;
  rocksdb::DBOptions db_options_;
  std::unique_ptr<rocksdb::DB> db_;
  // A family that is absent has the handle of `default`, which is always empty.
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> handles_{};
  std::atomic<uint64_t> scratch_number_{0};
  ReadGate raw_gate_;
};

inline rocksdb::Slice ToSlice(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view ToView(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_STORAGE_H_
