#include "tools/input_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tallymark {
namespace {

Status Error(const std::string& name) {
  std::string message = name + ": " + std::strerror(errno);
  return errno == ENOENT ? Status::NotFound(message) : Status::Io(message);
}

}  // namespace

InputFile::InputFile(InputFile&& other) noexcept
    : map_(std::exchange(other.map_, nullptr)),
      map_size_(std::exchange(other.map_size_, 0)),
      read_(std::move(other.read_)) {}

InputFile::~InputFile() {
  if (map_ != nullptr) munmap(const_cast<char*>(map_), map_size_);
}

Result<InputFile> InputFile::Open(const std::string& path) {
  InputFile file;
  bool standard = path.empty() || path == "-";
  Status s = standard ? file.ReadAll(STDIN_FILENO, "standard input") : file.Map(path);
  if (!s.ok()) return s;
  return file;
}

Status InputFile::Map(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error(path);
  struct stat info {};
  Status status;
  if (fstat(fd, &info) != 0) {
    status = Error(path);
  } else if (!S_ISREG(info.st_mode)) {
    status = ReadAll(fd, path);
  } else if (info.st_size > 0) {
    auto size = static_cast<size_t>(info.st_size);
    void* map = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
      status = Error(path);
    } else {
      map_ = static_cast<const char*>(map);
      map_size_ = size;
    }
  }
  close(fd);
  return status;
}

Status InputFile::ReadAll(int fd, const std::string& name) {
  constexpr size_t kStepBytes = 1 << 16;
  while (true) {
    size_t size = read_.size();
    read_.resize(size + kStepBytes);
    ssize_t got = read(fd, read_.data() + size, kStepBytes);
    read_.resize(size + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0) return Status::Ok();
    if (got < 0 && errno != EINTR) return Error(name);
  }
}

}  // namespace tallymark
