#include "bench/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "bench/fail.h"

namespace tallymark::bench {
namespace {

// In the child: never returns.
[[noreturn]] void Exec(const std::filesystem::path& data_dir, const std::vector<std::string>& flags,
                       int ready_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string log = data_dir.string() + ".log";
  const int log_fd = open(log.c_str(), O_CREAT | O_APPEND | O_WRONLY, 0600);
  dup2(ready_fd, STDOUT_FILENO);
  if (log_fd >= 0) dup2(log_fd, STDERR_FILENO);
  const std::string binary = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tallyd";
  std::vector<std::string> words = {binary,        "--data-dir",    data_dir,     "--ingest-listen",
                                    "127.0.0.1:0", "--http-listen", "127.0.0.1:0"};
  words.insert(words.end(), flags.begin(), flags.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(binary.c_str(), argv.data());
  _exit(127);
}

// "utime" and "stime" are fields 14 and 15; the name in field 2 may hold spaces, so count from its ')'.
double CpuSeconds(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) Fail("the server is gone");
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

uint64_t NumberAfter(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  std::string word;
  while (in >> word) {
    if (word != name) continue;
    uint64_t value = 0;
    in >> value;
    return value;
  }
  return 0;
}

}  // namespace

ServerProcess::ServerProcess(const std::filesystem::path& data_dir, const std::vector<std::string>& flags) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) FailErrno("pipe");
  auto start = std::chrono::steady_clock::now();
  pid_ = fork();
  if (pid_ < 0) FailErrno("fork");
  if (pid_ == 0) Exec(data_dir, flags, ready[1]);
  close(ready[1]);
  std::FILE* out = fdopen(ready[0], "r");
  char line[4096];
  unsigned ingest = 0;
  unsigned http = 0;
  if (std::fgets(line, sizeof line, out) == nullptr ||
      std::sscanf(line, "tallymark ready ingest=127.0.0.1:%u http=127.0.0.1:%u", &ingest, &http) != 2) {
    Fail("tallyd did not get ready, see " + data_dir.string() + ".log");
  }
  std::fclose(out);
  start_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ingest_port_ = static_cast<uint16_t>(ingest);
  http_port_ = static_cast<uint16_t>(http);
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) Kill();
}

ProcessUsage ServerProcess::Usage() const {
  const std::string proc = "/proc/" + std::to_string(pid_);
  return {.cpu_s = CpuSeconds(pid_),
          .written_bytes = NumberAfter(proc + "/io", "write_bytes:"),
          .peak_rss_bytes = NumberAfter(proc + "/status", "VmHWM:") * 1024};
}

void ServerProcess::Stop() {
  kill(pid_, SIGTERM);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) Fail("tallyd did not stop cleanly");
}

void ServerProcess::Kill() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

uint64_t BytesAtRest(const std::filesystem::path& directory) {
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat info {};
    if (entry.is_regular_file() && stat(entry.path().c_str(), &info) == 0) {
      bytes += static_cast<uint64_t>(info.st_blocks) * 512;
    }
  }
  return bytes;
}

}  // namespace tallymark::bench
