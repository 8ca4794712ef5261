#include "engine/log_file_system.h"

#include <atomic>
#include <utility>

namespace tallymark {
namespace {

class LogFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  explicit LogFile(std::unique_ptr<rocksdb::FSWritableFile>&& file)
      : FSWritableFileOwnerWrapper(std::move(file)) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    return Appended(data.size(), FSWritableFileOwnerWrapper::Append(data, options, debug));
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& verification,
                           rocksdb::IODebugContext* debug) override {
    return Appended(data.size(), FSWritableFileOwnerWrapper::Append(data, options, verification, debug));
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    const uint64_t size = size_;  // first: what comes meanwhile may not be on the disk
    return Synced(size, FSWritableFileOwnerWrapper::Sync(options, debug));
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    const uint64_t size = size_;
    return Synced(size, FSWritableFileOwnerWrapper::Fsync(options, debug));
  }

 private:
  static constexpr uint64_t kKept = LogFileSystem::kKeptBytes;

  rocksdb::IOStatus Appended(size_t bytes, rocksdb::IOStatus status) {
    if (status.ok()) size_ += bytes;
    return status;
  }
  // RocksDB syncs a log from one thread at a time. Pages that do not go now stay: it is no error.
  rocksdb::IOStatus Synced(uint64_t size, rocksdb::IOStatus status) {
    if (!status.ok() || size < dropped_ + 2 * kKept) return status;
    const uint64_t end = (size - kKept) / kKept * kKept;
    InvalidateCache(dropped_, end - dropped_).PermitUncheckedError();
    dropped_ = end;
    return status;
  }

  std::atomic<uint64_t> size_{0};
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace

rocksdb::IOStatus LogFileSystem::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                                 std::unique_ptr<rocksdb::FSWritableFile>* result,
                                                 rocksdb::IODebugContext* debug) {
  rocksdb::IOStatus status = target()->NewWritableFile(name, options, result, debug);
  if (status.ok() && name.ends_with(".log")) *result = std::make_unique<LogFile>(std::move(*result));
  return status;
}

}  // namespace tallymark
