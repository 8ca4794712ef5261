#ifndef TALLYMARK_SERVER_PROCESS_STATS_H_
#define TALLYMARK_SERVER_PROCESS_STATS_H_

#include <cstdint>

namespace tallymark {

// What the operating system says about this process, from /proc; 0 where it does not say.
struct ProcessStats {
  double cpu_seconds = 0;  // user and system
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_fds = 0;
  uint64_t max_fds = 0;
  uint64_t threads = 0;
  double start_time_seconds = 0;  // since the epoch
};

ProcessStats ReadProcessStats();

// What a process may use at most: the machine's memory, or the limit of its container where that is less
// (not that of a control group around a process that is in no container). In bytes; 0 where the system does
// not say.
uint64_t MemoryLimit();

// Raises the soft limit of open files to the hard one.
void RaiseFileLimit();

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_PROCESS_STATS_H_
