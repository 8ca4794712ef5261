#include "server/spool_file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "engine/sync_folder.h"

namespace tallymark {
namespace {

constexpr size_t kBeginningBytes = 64 << 10;
// Handed to the disk this often: the last sync is short then, and dirty pages stay few.
constexpr uint64_t kSyncBytes = 64ULL << 20;

Status Failed(const std::string& path) { return Status::Io(path + ": " + std::strerror(errno)); }

}  // namespace

struct SpoolFile::Digest {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

SpoolFile::SpoolFile(std::string directory, std::string stem, const SpoolLimits& limits)
    : directory_(std::move(directory)),
      stem_(std::move(stem)),
      limits_(limits),
      digest_(std::make_unique<Digest>()) {}

Result<std::unique_ptr<SpoolFile>> SpoolFile::Create(const std::string& directory, const std::string& stem,
                                                     const SpoolLimits& limits) {
  std::unique_ptr<SpoolFile> file(new SpoolFile(directory, stem, limits));
  if (EVP_DigestInit_ex(file->digest_->context.get(), EVP_sha256(), nullptr) != 1) {
    return Status::Internal("SHA-256 is not there");
  }
  file->fd_ = open(file->PartPath().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file->fd_ < 0) return Failed(file->PartPath());
  return file;
}

SpoolFile::~SpoolFile() {
  if (fd_ < 0) return;
  close(fd_);
  if (!kept_) unlink(PartPath().c_str());  // what stays is removed at the next start
}

Status SpoolFile::CheckRoom() const {
  std::error_code error;
  std::filesystem::space_info space = std::filesystem::space(directory_, error);
  if (error || space.available >= limits_.free_space_floor_bytes + kSyncBytes) return Status::Ok();
  return Status::Unavailable("the disk is nearly full: " + std::to_string(space.available) + " bytes free");
}

Status SpoolFile::Write(std::string_view piece) {
  if (piece.size() > limits_.bytes_max - size_) {
    return Status::Exhausted("the file is larger than " + std::to_string(limits_.bytes_max) + " bytes");
  }
  if (size_ == 0 || size_ - synced_ >= kSyncBytes) {
    if (Status s = CheckRoom(); !s.ok()) return s;
    if (size_ > 0 && fdatasync(fd_) != 0) return Failed(PartPath());
    synced_ = size_;
  }
  if (begin_.size() < kBeginningBytes) begin_.append(piece.substr(0, kBeginningBytes - begin_.size()));
  if (EVP_DigestUpdate(digest_->context.get(), piece.data(), piece.size()) != 1) {
    return Status::Internal("SHA-256 failed");
  }
  size_ += piece.size();
  while (!piece.empty()) {
    ssize_t written = write(fd_, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed(PartPath());
    piece.remove_prefix(static_cast<size_t>(written));
  }
  return Status::Ok();
}

Status SpoolFile::Finish() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(digest_->context.get(), bytes, &size) != 1)
    return Status::Internal("SHA-256 failed");
  hash_.assign(reinterpret_cast<const char*>(bytes), size);
  return Status::Ok();
}

Status SpoolFile::Keep() {
  if (fsync(fd_) != 0) return Failed(PartPath());
  const std::string path = directory_ + "/" + body_name();
  if (std::rename(PartPath().c_str(), path.c_str()) != 0) return Failed(path);
  kept_ = true;
  return SyncFolder(directory_);
}

}  // namespace tallymark
