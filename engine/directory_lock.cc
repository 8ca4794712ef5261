#include "engine/directory_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "engine/file_names.h"

namespace tallymark {
namespace {

// RocksDB keeps the lock file open while it holds the lock. Looking at our own descriptors first
// matters: closing any descriptor of a file drops all locks this process has on it.
bool HeldByThisProcess(const struct stat& lock) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    struct stat open_file {};
    if (::stat(entry.path().c_str(), &open_file) != 0) continue;
    if (open_file.st_dev == lock.st_dev && open_file.st_ino == lock.st_ino) return true;
  }
  return false;
}

}  // namespace

Result<bool> IsDirectoryHeld(const std::string& data_dir) {
  const std::string path = LockPath(data_dir);
  struct stat lock {};
  if (::stat(path.c_str(), &lock) != 0) return false;
  if (HeldByThisProcess(lock)) return true;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Status::Io("cannot open " + path + ": " + std::strerror(errno));
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  const int asked = ::fcntl(file, F_GETLK, &wanted);
  const int error = errno;
  ::close(file);
  if (asked != 0) return Status::Io("cannot ask for the lock of " + path + ": " + std::strerror(error));
  return wanted.l_type != F_UNLCK;
}

}  // namespace tallymark
