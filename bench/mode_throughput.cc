
#include "bench/check_counts.h"
#include "bench/drain.h"
#include "bench/modes.h"
#include "bench/ratios.h"

namespace tallymark::bench {

Figures MeasureThroughput(Session* session) {
  const Workload& workload = session->workload;
  const ProcessUsage before = session->server->Usage();
  const SendResult sent = SendWorkload(workload, session->server->ingest_port(), session->connections);
  CheckTallies(workload, sent);
  const DrainTime drain = WaitUntilDrained(*session->server);
  const ProcessUsage after = session->server->Usage();
  CheckCounts(workload, session->server->http_port());

  const auto lines = static_cast<double>(workload.lines());
  const auto fresh = static_cast<double>(workload.fresh());
  const double line_bytes = static_cast<double>(workload.bytes()) / lines;
  const Calibration& machine = session->calibration;
  return {
      RateFigure("synced_million_per_s", "lines taken until the last `synced`", lines / sent.seconds,
                 line_bytes, machine),
      RateFigure("drained_million_per_s", "the same until checkpoint and compaction are through",
                 lines / (sent.seconds + drain.busy_s), line_bytes, machine),
      {"drain_wall_s", "from the last `synced` to idle, pauses included", drain.wall_s, "s"},
      CpuFigure("cpu_s_per_million", "server CPU per million lines, all threads",
                (after.cpu_s - before.cpu_s) / lines * 1e6, line_bytes, machine),
      {"written_bytes_per_event", "disk written per event",
       static_cast<double>(after.written_bytes - before.written_bytes) / fresh, "B"},
      {"at_rest_bytes_per_event", "disk at rest per event, server running",
       static_cast<double>(BytesAtRest(session->data_dir)) / fresh, "B"},
      {"peak_rss_mib", "peak memory", static_cast<double>(after.peak_rss_bytes) / 0x1p20, "MiB"},
  };
}

Figures MeasureCleanStop(Session* session) {
  const double events = StoredEvents(session->server->http_port());
  session->server->Stop();
  session->server.reset();
  return {{"stopped_bytes_per_event", "disk at rest per event after a clean stop, all modes' events",
           static_cast<double>(BytesAtRest(session->data_dir)) / events, "B"}};
}

}  // namespace tallymark::bench
