#include "server/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tallymark {
namespace {

constexpr size_t kReleaseBytes = 4 << 20;  // a multiple of every page size

Status Failed(const std::string& path) {
  std::string message = path + ": " + std::strerror(errno);
  return errno == ENOENT ? Status::NotFound(std::move(message)) : Status::Io(std::move(message));
}

}  // namespace

Result<std::unique_ptr<MappedFile>> MappedFile::Open(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failed(path);
  struct stat info {};
  Status status = fstat(fd, &info) == 0 ? Status::Ok() : Failed(path);
  auto size = static_cast<size_t>(info.st_size);
  void* data = nullptr;
  if (status.ok() && size > 0) {
    data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) status = Failed(path);
  }
  close(fd);
  if (!status.ok()) return status;
  return std::unique_ptr<MappedFile>(new MappedFile(static_cast<char*>(data), size));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(data_, size_);
}

void MappedFile::Release(size_t before) {
  if (before < released_) released_ = 0;  // read once more from the front
  size_t end = before / kReleaseBytes * kReleaseBytes;
  if (end <= released_) return;
  // It is advice: where it is not taken, memory is only given back later.
  (void)madvise(data_ + released_, end - released_, MADV_DONTNEED);
  released_ = end;
}

}  // namespace tallymark
