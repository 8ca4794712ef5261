#ifndef TALLYMARK_TESTS_ENGINE_FAULTY_FILE_SYSTEM_H_
#define TALLYMARK_TESTS_ENGINE_FAULTY_FILE_SYSTEM_H_

#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

namespace tallymark {

// The machine's file system, until a test arms it: then syncing RocksDB's log files fails.
class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  const char* Name() const override { return "FaultyFileSystem"; }
  void FailLogSyncs(bool fail) { failing_ = fail; }
  int failures() const { return failures_.load(); }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->NewWritableFile(name, options, result, debug);
    const bool is_log = name.size() > 4 && name.compare(name.size() - 4, 4, ".log") == 0;
    if (status.ok() && is_log) *result = std::make_unique<File>(std::move(*result), this);
    return status;
  }

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile>&& file, FaultyFileSystem* owner)
        : FSWritableFileOwnerWrapper(std::move(file)), owner_(owner) {}
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
      return owner_->failing_ ? owner_->Failure() : FSWritableFileOwnerWrapper::Sync(options, debug);
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
      return owner_->failing_ ? owner_->Failure() : FSWritableFileOwnerWrapper::Fsync(options, debug);
    }

   private:
    FaultyFileSystem* const owner_;
  };

  rocksdb::IOStatus Failure() {
    failures_.fetch_add(1);
    return rocksdb::IOStatus::IOError("a test made this sync fail");
  }

  std::atomic<bool> failing_{false};
  std::atomic<int> failures_{0};
};

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_ENGINE_FAULTY_FILE_SYSTEM_H_
