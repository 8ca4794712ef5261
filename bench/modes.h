#ifndef TALLYMARK_BENCH_MODES_H_
#define TALLYMARK_BENCH_MODES_H_

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/calibrate.h"
#include "bench/report.h"
#include "bench/server_process.h"
#include "bench/workload.h"

namespace tallymark::bench {

// One run: a server on a directory of its own, which the modes use one after the other. Every mode
// checks the counts it caused and ends the program when one is wrong.
struct Session {
  const Workload& workload;
  const Workload& second;  // another stream of the same shape, for ingest beside queries
  const Calibration& calibration;
  std::filesystem::path data_dir;
  std::vector<std::string> server_flags;
  unsigned connections = 2;
  unsigned filters = 0;  // defined before anything is sent; the first matches every event
  bool quick = false;
  std::unique_ptr<ServerProcess> server;
};

// Sends the workload flat out and waits until the server has nothing left to do. First of all modes:
// the others ask about what it stored.
Figures MeasureThroughput(Session* session);

// Answer times over one kept HTTP connection, nothing else going on.
Figures MeasureQueries(Session* session);
// aggregated_cnt while `second` is sent flat out.
Figures MeasureQueriesUnderIngest(Session* session);
// A steady 50,000 events/s over 100 connections: sent to acknowledged, and sent to counted.
Figures MeasureSteadyLatency(Session* session);
// One event at a time on an idle server.
Figures MeasureSingleEvent(Session* session);
// SIGKILL, cold page cache, and the time to the ready line.
Figures MeasureRestart(Session* session);
// A clean stop and what is left on disk. Last of all modes: the session has no server afterwards.
Figures MeasureCleanStop(Session* session);

}  // namespace tallymark::bench

#endif  // TALLYMARK_BENCH_MODES_H_
