#ifndef TALLYMARK_ENGINE_LOG_FILE_SYSTEM_H_
#define TALLYMARK_ENGINE_LOG_FILE_SYSTEM_H_

#include <rocksdb/file_system.h>

#include <memory>
#include <string>

namespace tallymark {

// Another file system, whose log files leave the page cache some megabytes after they have been synced:
// only the next start reads them again, or a `tally` beside the server, and pages that are free at once are
// taken for what is written next, instead of ones that the machine has to find. Thread safe as its target.
class LogFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  // The newest bytes of a log stay, as pages on their way to the disk cannot go; after that much more is
  // synced, that much goes.
  static constexpr uint64_t kKeptBytes = uint64_t{4} << 20;

  explicit LogFileSystem(const std::shared_ptr<rocksdb::FileSystem>& target) : FileSystemWrapper(target) {}

  const char* Name() const override { return "LogFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_LOG_FILE_SYSTEM_H_
