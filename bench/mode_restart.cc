#include <fcntl.h>
#include <unistd.h>

#include "bench/check_counts.h"
#include "bench/fail.h"
#include "bench/modes.h"

namespace tallymark::bench {
namespace {

// Turns the files' pages out of the page cache; they must be on disk for that.
void MakeCold(const std::filesystem::path& directory) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const int fd = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) FailErrno("cannot open " + entry.path().string());
    if (fdatasync(fd) != 0) FailErrno("fdatasync of " + entry.path().string());
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  }
}

}  // namespace

Figures MeasureRestart(Session* session) {
  session->server->Kill();
  MakeCold(session->data_dir);
  session->server = std::make_unique<ServerProcess>(session->data_dir, session->server_flags);
  CheckCounts(session->workload, session->server->http_port());
  const auto megabytes = static_cast<double>(BytesAtRest(session->data_dir)) / 1e6;
  const double read_s = megabytes * 1e6 / session->calibration.write_bytes_per_s;
  return {{"restart_s", "ready after SIGKILL, cold cache", session->server->start_seconds(), "s",
           session->server->start_seconds() / read_s, "writing the directory once"}};
}

}  // namespace tallymark::bench
