#include "engine/sync_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tallymark {

Status SyncFolder(const std::string& folder) {
  auto failed = [&] { return Status::Io("cannot sync " + folder + ": " + std::strerror(errno)); };
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed();
  Status status = fsync(fd) == 0 ? Status::Ok() : failed();
  close(fd);
  return status;
}

}  // namespace tallymark
