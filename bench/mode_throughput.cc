
#include "bench/check_counts.h"
#include "bench/drain.h"
#include "bench/loopback.h"
#include "bench/modes.h"
#include "bench/ratios.h"

namespace tallymark::bench {
namespace {

// The first matches every event; the others, by country, network and user, hardly any.
void DefineFilters(unsigned count, uint16_t http_port) {
  HttpClient http(http_port);
  for (unsigned id = 1; id <= count; ++id) {
    const std::string number = std::to_string(id);
    const std::string patterns[] = {R"({"country":"nowhere)" + number + "\"}",
                                    R"({"ip":"100.)" + std::to_string(id % 256) + R"(.0.0/16"})",
                                    R"({"user_id":"nobody)" + number + "\"}"};
    http.Put("/v1/filters/" + number, id == 1 ? R"({"kind":"click"})" : patterns[id % 3]);
  }
}

}  // namespace

Figures MeasureThroughput(Session* session) {
  const Workload& workload = session->workload;
  DefineFilters(session->filters, session->server->http_port());
  const ProcessUsage before = session->server->Usage();
  const SendResult sent = SendWorkload(workload, session->server->ingest_port(), session->connections);
  CheckTallies(workload, sent);
  const DrainTime drain = WaitUntilDrained(*session->server);
  const ProcessUsage after = session->server->Usage();
  CheckCounts(workload, session->server->http_port());
  if (session->filters > 0) CheckCounts(workload, session->server->http_port(), 1);

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
