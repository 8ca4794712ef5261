#ifndef TALLYMARK_BENCH_DRAIN_H_
#define TALLYMARK_BENCH_DRAIN_H_

#include "bench/server_process.h"

namespace tallymark::bench {

// How long a server went on working after its last acknowledgement.
struct DrainTime {
  double busy_s = 0;  // time in which it used the processor or the disk, flushed or compacted
  double wall_s = 0;  // with the pauses: a checkpoint or a repack may wait for its time
};

// Waits until nothing is left to do: the checkpoints cover the log's end, RocksDB has no flush or
// compaction waiting or running, and the process has been idle for two seconds (not counted).
DrainTime WaitUntilDrained(const ServerProcess& server);

}  // namespace tallymark::bench

#endif  // TALLYMARK_BENCH_DRAIN_H_
