#ifndef TALLYMARK_SERVER_SPOOL_FILE_H_
#define TALLYMARK_SERVER_SPOOL_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "format/status.h"

namespace tallymark {

// How much a spooled file may take.
struct SpoolLimits {
  uint64_t bytes_max = 0;
  uint64_t free_space_floor_bytes = 0;  // writing stops before less is free on the disk
};

// A file on its way to disk, piece by piece and hashed meanwhile: what is too large for memory. It is
// removed again unless Keep was called. Writing may block on the disk. One thread at a time.
class SpoolFile {
 public:
  // Makes DIRECTORY/STEM.part. kIo: that cannot be.
  static Result<std::unique_ptr<SpoolFile>> Create(const std::string& directory, const std::string& stem,
                                                   const SpoolLimits& limits);
  ~SpoolFile();
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  // kExhausted: more than bytes_max. kUnavailable: the disk is nearly full. kIo: it failed.
  Status Write(std::string_view piece);

  // Ends the hash; no more writing after it.
  Status Finish();

  // After Finish: makes the file durable as DIRECTORY/STEM.body; it is then the caller's to remove.
  Status Keep();

  uint64_t size() const { return size_; }
  uint64_t bytes_max() const { return limits_.bytes_max; }
  const std::string& hash() const { return hash_; }        // SHA-256, 32 bytes, after Finish
  const std::string& beginning() const { return begin_; }  // the first bytes, at most 64 KiB
  std::string body_name() const { return stem_ + ".body"; }

 private:
  struct Digest;

  SpoolFile(std::string directory, std::string stem, const SpoolLimits& limits);
  Status CheckRoom() const;
  std::string PartPath() const { return directory_ + "/" + stem_ + ".part"; }

  const std::string directory_;
  const std::string stem_;
  const SpoolLimits limits_;
  int fd_ = -1;
  bool kept_ = false;
  uint64_t size_ = 0;
  uint64_t synced_ = 0;  // bytes known to the disk
  std::string begin_;
  std::string hash_;
  std::unique_ptr<Digest> digest_;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_SPOOL_FILE_H_
