#include "server/metrics_page.h"

#include <array>
#include <climits>
#include <string>

#include "format/time_units.h"
#include "server/process_stats.h"
#include "server/prometheus_text.h"
#include "server/routes.h"

namespace tallymark {
namespace {

constexpr std::string_view kCounter = "counter";
constexpr std::string_view kGauge = "gauge";
constexpr std::string_view kHistogram = "histogram";
constexpr std::array<std::string_view, ServerMetrics::kSources> kSourceNames = {"tcp", "http"};

void WriteIngest(const Services& services, PrometheusText* text) {
  const ServerMetrics& metrics = services.metrics;
  uint64_t lines = 0;
  for (const Counter& source : metrics.lines) lines += source.Get();
  text->Single("tallymark_ingest_lines_total", kCounter, "Event lines read, accepted or not.", lines);
  text->Family("tallymark_ingest_source_lines_total", kCounter, "The same, by where they came from.");
  for (size_t i = 0; i < kSourceNames.size(); ++i)
    text->Sample({{"source", kSourceNames[i]}}, metrics.lines[i].Get());
  text->Family("tallymark_ingest_bytes_total", kCounter, "Bytes of line protocol read.");
  for (size_t i = 0; i < kSourceNames.size(); ++i)
    text->Sample({{"source", kSourceNames[i]}}, metrics.bytes[i].Get());
  text->Family("tallymark_ingest_rejected_total", kCounter, "Event lines rejected, by reason.");
  for (int i = 0; i < kRejectReasonCount; ++i) {
    text->Sample({{"reason", RejectReasonName(static_cast<RejectReason>(i))}},
                 metrics.rejected[static_cast<size_t>(i)].load(std::memory_order_relaxed));
  }
  text->Single("tallymark_ingest_syncs_total", kCounter, "#sync directives answered.", metrics.syncs.Get());
  text->Single("tallymark_ingest_connections", kGauge, "Open TCP ingest connections.",
               metrics.ingest_connections.Get());
  text->Single("tallymark_ingest_connections_total", kCounter, "TCP ingest connections accepted.",
               metrics.ingest_accepted.Get());
  text->Single("tallymark_ingest_connections_refused_total", kCounter,
               "TCP ingest connections closed at once: too many, HTTP or TLS.", metrics.ingest_refused.Get());
  text->Single("tallymark_ingest_unanswered_bytes", kGauge,
               "Bytes read from TCP and not yet answered by the engine; at its limit sockets are not read.",
               services.ingest_budget.used());
  text->Single("tallymark_ingest_unanswered_bytes_limit", kGauge,
               "Limit of tallymark_ingest_unanswered_bytes.", services.ingest_budget.limit());
  text->Single("tallymark_dead_letters_dropped_total", kCounter,
               "Rejected lines that the dead-letter files could not take.", services.dead_letters.dropped());
}

void WriteEvents(const EngineStats& stats, PrometheusText* text) {
  text->Single("tallymark_ingest_accepted_total", kCounter, "Events stored and counted.", stats.accepted);
  text->Single("tallymark_ingest_duplicates_total", kCounter, "Events recognised as sent again.",
               stats.duplicates);
  text->Single("tallymark_ingest_conflicts_total", kCounter,
               "Duplicates whose time or attributes differed from the first.", stats.conflicts);
  text->Single("tallymark_conversions_waiting", kGauge,
               "Conversions that were accepted and wait for their clicks.", stats.waiting_conversions);
  text->Single("tallymark_conversions_joined_total", kCounter, "Conversions joined to their clicks.",
               stats.joined_conversions);
  text->Single("tallymark_conversions_expired_total", kCounter,
               "Conversions that no click came for within the time to wait.", stats.expired_conversions);
  text->Single("tallymark_events_stored", kGauge, "Events stored since the directory was made.",
               stats.events_stored);
  text->Single("tallymark_ads", kGauge, "Distinct ad ids ever seen.", stats.ads);
}

void WriteLateness(const EngineStats& stats, PrometheusText* text) {
  text->Family("tallymark_event_lateness_seconds", kHistogram,
               "How far accepted events lay behind the newest event time when they were sequenced.");
  text->Histogram({}, stats.lateness_seconds);
}

void WriteCommits(const EngineStats& stats, PrometheusText* text) {
  text->Single("tallymark_queue_chunks", kGauge, "Chunks appended and not yet answered.",
               stats.pending_chunks);
  text->Single("tallymark_queue_bytes", kGauge, "Bytes of chunks appended and not yet answered.",
               stats.pending_bytes);
  text->Single("tallymark_batches_total", kCounter, "Durable batches.", stats.batches);
  text->Single("tallymark_raw_blocks_total", kCounter, "Raw blocks written.", stats.raw_blocks);
  text->Family("tallymark_batch_events", kHistogram, "Events in a durable batch.");
  text->Histogram({}, stats.batch_events);
  text->Family("tallymark_commit_seconds", kHistogram, "From sequenced to durable.");
  text->Histogram({}, stats.commit_seconds);
  text->Family("tallymark_fsync_seconds", kHistogram, "The log write with its sync.");
  text->Histogram({}, stats.fsync_seconds);
  text->Family("tallymark_append_seconds", kHistogram, "From the engine taking a chunk to its answer.");
  text->Histogram({}, stats.append_seconds);
}

void WriteViews(const EngineStats& stats, PrometheusText* text) {
  text->Single("tallymark_log_sequence", kGauge, "Last sequence of the log.", stats.last_sequence);
  text->Family("tallymark_view_position", kGauge, "Sequence that the view's checkpoint covers.");
  for (const auto& [view, position] : stats.view_positions) text->Sample({{"view", view}}, position);
  text->Single("tallymark_checkpoints_total", kCounter, "Checkpoints written.", stats.checkpoints);
  text->Single("tallymark_checkpoint_seconds_total", kCounter, "Time spent writing checkpoints.",
               stats.checkpoint_seconds_total);
  text->Single("tallymark_repacked_blocks_total", kCounter, "Raw blocks made of smaller ones.",
               stats.repacked_blocks);
  text->Single("tallymark_delta_rows", kGauge, "Counter rows in memory that no checkpoint covers.",
               stats.delta_rows);
  text->Single("tallymark_delta_bytes", kGauge, "Memory of those counter rows.", stats.delta_bytes);
  text->Single("tallymark_distinct_delta_bytes", kGauge,
               "Memory of users and addresses that no checkpoint covers.", stats.distinct_delta_bytes);
  text->Single("tallymark_idle_page_bytes", kGauge,
               "Memory kept for tables to come; what is idle for a minute goes back to the system.",
               stats.idle_page_bytes);
}

void WriteDedup(const EngineStats& stats, PrometheusText* text) {
  text->Single("tallymark_dedup_identities_in_memory", kGauge, "Identities not yet sealed in a segment.",
               stats.identities_in_memory);
  text->Single("tallymark_dedup_segments", kGauge, "Identity segments on disk.", stats.identity_segments);
  text->Single("tallymark_dedup_filter_bytes", kGauge, "Memory of the identity filters.",
               stats.identity_filter_bytes);
  text->Single("tallymark_dedup_disk_lookups_total", kCounter, "Probes of an identity segment.",
               stats.identity_disk_lookups);
  text->Single("tallymark_dedup_false_probes_total", kCounter, "Probes that found nothing.",
               stats.identity_false_probes);
  text->Single("tallymark_dedup_filters_loaded", kGauge, "1 once the filters are read after a restart.",
               uint64_t{stats.identity_filters_loaded ? 1U : 0U});
}

void WriteRecounts(const EngineStats& stats, PrometheusText* text) {
  text->Single("tallymark_reconcile_rows_checked_total", kCounter,
               "Counter rows compared with a recount of raw.", stats.reconcile_rows_checked);
  text->Single("tallymark_reconcile_mismatches_total", kCounter,
               "Amounts found to differ from the recount, each time they were seen.",
               stats.reconcile_mismatches);
  text->Single("tallymark_reconcile_rounds_total", kCounter, "Rounds over past hours in the background.",
               stats.reconcile_rounds);
  text->Single("tallymark_reconcile_round_mismatches", kGauge,
               "Amounts that differed in the last such round.", stats.reconcile_round_mismatches);
  text->Single("tallymark_recomputed_hours_total", kCounter,
               "Hours whose counters were replaced by a recount.", stats.recomputed_hours);
}

// A position that nothing was taken before is left out, as Prometheus has no null.
void WriteKeptFrom(const EngineStats& stats, PrometheusText* text) {
  text->Family("tallymark_kept_from_timestamp_seconds", kGauge,
               "Start of what retention keeps; absent while everything is kept.");
  constexpr int64_t kSecondsPerHour = 3600;
  auto sample = [&](std::string_view what, int32_t hour) {
    if (hour != INT32_MIN) text->Sample({{"what", what}}, hour * kSecondsPerHour);
  };
  sample("raw", stats.raw_kept_from_hour);
  sample("minutes", stats.minutes_kept_from_hour);
  sample("hours", stats.hours_kept_from_hour);
}

void WriteStorage(const Services& services, const EngineStats& stats, PrometheusText* text) {
  std::optional<int64_t> watermark = services.engine.WatermarkMs();
  text->Family("tallymark_watermark_timestamp_seconds", kGauge,
               "Buckets that end at or before it are complete; absent without events.");
  if (watermark) text->Sample({}, static_cast<double>(*watermark) / 1000);
  WriteKeptFrom(stats, text);
  text->Single("tallymark_disk_bytes", kGauge, "Live files of the data directory.", stats.disk_bytes);
  text->Single("tallymark_disk_free_bytes", kGauge, "Free space on the disk of the data directory.",
               stats.disk_free_bytes);
  text->Single("tallymark_writable", kGauge, "0 while writes are stopped.",
               uint64_t{stats.writable ? 1U : 0U});
  text->Family("tallymark_rocksdb", kGauge, "RocksDB's own figures, by their names there.");
  for (const auto& [name, value] : stats.rocksdb) text->Sample({{"name", name}}, value);
}

std::string_view RouteName(size_t index) {
  return index < Routes().size() ? Routes()[index].pattern : std::string_view("none");
}

std::string_view RouteMethod(size_t index) {
  return index < Routes().size() ? HttpMethodName(Routes()[index].method) : std::string_view("any");
}

// The routes of the table and, behind them, whatever matched none.
template <class Act>
void ForEachRoute(const ServerMetrics& metrics, Act act) {
  for (size_t i = 0; i < Routes().size(); ++i) act(i, metrics.routes[i]);
  act(ServerMetrics::kRoutesMax - 1, metrics.routes[ServerMetrics::kRoutesMax - 1]);
}

void WriteHttp(const Services& services, PrometheusText* text) {
  const ServerMetrics& metrics = services.metrics;
  text->Family("tallymark_http_requests_total", kCounter, "HTTP requests answered, by route and status.");
  ForEachRoute(metrics, [&](size_t index, const RouteMetrics& route) {
    for (size_t i = 0; i < RouteMetrics::kCodes.size(); ++i) {
      uint64_t count = route.by_code[i].load(std::memory_order_relaxed);
      int code = RouteMetrics::kCodes[i];
      if (count == 0) continue;
      text->Sample({{"method", RouteMethod(index)},
                    {"route", RouteName(index)},
                    {"code", code == 0 ? "other" : std::to_string(code)}},
                   count);
    }
  });
  text->Family("tallymark_http_request_seconds", kHistogram, "From a request read to its answer ready.");
  ForEachRoute(metrics, [&](size_t index, const RouteMetrics& route) {
    HistogramSnapshot seconds = route.seconds.Snapshot();
    if (seconds.count == 0) return;
    text->Histogram({{"method", RouteMethod(index)}, {"route", RouteName(index)}}, seconds);
  });
  text->Single("tallymark_http_connections", kGauge, "Open HTTP connections.",
               metrics.http_connections.Get());
  text->Single("tallymark_http_connections_total", kCounter, "HTTP connections accepted.",
               metrics.http_accepted.Get());
  text->Single("tallymark_http_connections_refused_total", kCounter,
               "HTTP connections closed at once: too many.", metrics.http_refused.Get());
  text->Single("tallymark_http_body_bytes", kGauge, "Request bodies in memory.", services.body_budget.used());
}

void WriteProcess(PrometheusText* text) {
  ProcessStats process = ReadProcessStats();
  text->Family("tallymark_build_info", kGauge, "Always 1; the labels tell the build.");
  text->Sample({{"version", kVersion}, {"compiler", __VERSION__}}, uint64_t{1});
  text->Single("process_cpu_seconds_total", kCounter, "User and system time.", process.cpu_seconds);
  text->Single("process_resident_memory_bytes", kGauge, "Resident memory.", process.resident_bytes);
  text->Single("process_virtual_memory_bytes", kGauge, "Virtual memory.", process.virtual_bytes);
  text->Single("process_open_fds", kGauge, "Open file descriptors.", process.open_fds);
  text->Single("process_max_fds", kGauge, "Most file descriptors that may be open.", process.max_fds);
  text->Single("process_threads", kGauge, "Threads.", process.threads);
  text->Single("process_start_time_seconds", kGauge, "Start of the process since the epoch.",
               process.start_time_seconds);
}

}  // namespace

HttpAnswer AnswerMetrics(const Services& services, HttpRequest& /*request*/) {
  EngineStats stats = services.engine.Stats();
  PrometheusText text;
  WriteIngest(services, &text);
  WriteEvents(stats, &text);
  WriteLateness(stats, &text);
  WriteCommits(stats, &text);
  WriteViews(stats, &text);
  WriteDedup(stats, &text);
  WriteRecounts(stats, &text);
  WriteStorage(services, stats, &text);
  WriteHttp(services, &text);
  WriteProcess(&text);
  HttpAnswer answer;
  answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
  answer.body = text.Take();
  return answer;
}

}  // namespace tallymark
