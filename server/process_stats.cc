#include "server/process_stats.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace tallymark {
namespace {

std::string ReadFile(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

double BootTimeSeconds() {
  std::istringstream lines(ReadFile("/proc/stat"));
  for (std::string name; lines >> name;) {
    double value = 0;
    if (name == "btime" && lines >> value) return value;
    lines.ignore(1 << 16, '\n');
  }
  return 0;
}

// /proc/self/stat from its third field on; the second is a name in parentheses that may hold
// anything.
void ReadStat(ProcessStats* stats) {
  constexpr int kUserTime = 14;
  constexpr int kSystemTime = 15;
  constexpr int kThreads = 20;
  constexpr int kStartTime = 22;
  std::string text = ReadFile("/proc/self/stat");
  size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return;
  std::istringstream fields(text.substr(name_end + 1));
  auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::string field;
  for (int i = 3; i <= kStartTime && fields >> field; ++i) {
    double value = i == 3 ? 0 : std::strtod(field.c_str(), nullptr);
    if (i == kUserTime || i == kSystemTime) stats->cpu_seconds += value / ticks;
    if (i == kThreads) stats->threads = static_cast<uint64_t>(value);
    if (i == kStartTime) stats->start_time_seconds = BootTimeSeconds() + value / ticks;
  }
}

void ReadMemory(ProcessStats* stats) {
  std::istringstream fields(ReadFile("/proc/self/statm"));
  uint64_t total_pages = 0;
  uint64_t resident_pages = 0;
  fields >> total_pages >> resident_pages;
  auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  stats->virtual_bytes = total_pages * page;
  stats->resident_bytes = resident_pages * page;
}

}  // namespace

ProcessStats ReadProcessStats() {
  ProcessStats stats;
  ReadStat(&stats);
  ReadMemory(&stats);
  std::error_code error;
  for (std::filesystem::directory_iterator fd("/proc/self/fd", error), end; !error && fd != end;
       fd.increment(error)) {
    ++stats.open_fds;
  }
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = limit.rlim_cur;
  return stats;
}

uint64_t MemoryLimit() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  uint64_t limit =
      pages > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
  // Of version 2 and 1, as a container sees its own. Without a limit there is a word or a huge number.
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    uint64_t of_group = 0;
    if (std::istringstream(ReadFile(path)) >> of_group) limit = std::min(limit, of_group);
  }
  return limit;
}

void RaiseFileLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // a refusal leaves the limit we have
}

}  // namespace tallymark
