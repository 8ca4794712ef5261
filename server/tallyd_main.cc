#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

#include "server/process_stats.h"
#include "server/server.h"
#include "server/services.h"
#include "server/units.h"

namespace tallymark {
namespace {

constexpr const char* kExamples = R"(Examples:
  tallyd --data-dir /var/lib/tallymark
  tallyd --ingest-listen 127.0.0.1:0 --http-listen 127.0.0.1:0        (picks free ports)
  tallyd --config /etc/tallymark.toml --retain-minutes 90d --memory 8GiB
  printf 'click,ad_id=ad001 event_id="c-1"\n#sync a\n' | nc -N 127.0.0.1 9009
  curl 'http://127.0.0.1:8086/v1/ads/ad001/aggregated_cnt?from=now-1h'
Durations: 500ms, 30s, 15m, 24h, 90d. Sizes: 512MiB, 4GiB. A --config file has the same names
without the dashes, one a line: retain-minutes = "90d")";

// A duration, or on for the default and off for 0.
void AddReconcile(CLI::App* app, int64_t* milliseconds) {
  const int64_t on = *milliseconds;
  app->add_option_function<std::string>(
         "--reconcile",
         [milliseconds, on](const std::string& text) {
           Result<int64_t> parsed = text == "on" ? on : text == "off" ? 0 : ParseDurationMs(text);
           if (!parsed.ok()) throw CLI::ValidationError("--reconcile", parsed.status().message());
           *milliseconds = *parsed;
         },
         "Compare counters with a recount of raw in the background, so long after each round; on is " +
             FormatDurationMs(on) + ", off or 0 never")
      ->type_name("on|off|DURATION")
      ->default_str(FormatDurationMs(on));
}

// An option whose text is a duration, kept in milliseconds.
void AddDuration(CLI::App* app, const std::string& name, int64_t* milliseconds, const std::string& help) {
  app->add_option_function<std::string>(
         name,
         [milliseconds, name](const std::string& text) {
           Result<int64_t> parsed = ParseDurationMs(text);
           if (!parsed.ok()) throw CLI::ValidationError(name, parsed.status().message());
           *milliseconds = *parsed;
         },
         help)
      ->default_str(FormatDurationMs(*milliseconds))
      ->type_name("DURATION");
}

void AddSize(CLI::App* app, const std::string& name, uint64_t* bytes, const std::string& help) {
  app->add_option_function<std::string>(
         name,
         [bytes, name](const std::string& text) {
           Result<uint64_t> parsed = ParseBytes(text);
           if (!parsed.ok()) throw CLI::ValidationError(name, parsed.status().message());
           *bytes = *parsed;
         },
         help)
      ->default_str(std::to_string(*bytes >> 20) + "MiB")
      ->type_name("SIZE");
}

void AddOptions(CLI::App* app, ServerOptions* options, std::string* log_level) {
  EngineOptions& engine = options->engine;
  app->add_option("--data-dir", engine.data_dir, "Where everything is kept; made when absent")
      ->capture_default_str()
      ->type_name("DIR");
  app->add_option("--ingest-listen", options->ingest_listen,
                  "Line protocol over TCP; port 0 picks a free one")
      ->capture_default_str()
      ->type_name("HOST:PORT");
  app->add_option("--http-listen", options->http_listen,
                  "Queries and writes over HTTP; port 0 picks a free one")
      ->capture_default_str()
      ->type_name("HOST:PORT");
  app->add_flag("--insecure", options->insecure, "Listen on other addresses than loopback, for everybody");
  AddDuration(app, "--dedup-window", &engine.dedup_window_ms,
              "Arrivals of one event_id count once when their times are this close");
  AddDuration(app, "--conversion-window", &engine.conversion_window_ms,
              "A conversion without an ad takes it from a click at most this far away in time");
  AddDuration(app, "--conversion-wait", &engine.conversion_wait_ms,
              "How long after its arrival a conversion waits for its click");
  AddDuration(app, "--allowed-lateness", &engine.allowed_lateness_ms,
              "How far the watermark trails the newest event");
  AddDuration(app, "--max-future", &engine.max_future_ms, "Events further ahead of the clock are rejected");
  AddReconcile(app, &engine.reconcile_interval_ms);
  AddDuration(app, "--retain-raw", &engine.retain_raw_ms, "Keep raw events this long; 0 keeps them for ever");
  AddDuration(app, "--retain-minutes", &engine.retain_minutes_ms,
              "Keep minute counters this long; 0 for ever");
  AddDuration(app, "--retain-hours", &engine.retain_hours_ms, "Keep hour counters this long; 0 for ever");
  app->add_option_function<std::string>(
         "--distinct", [&engine](const std::string& text) { engine.distinct = text == "on"; },
         "Count distinct users and addresses by ad and hour; off saves their cost")
      ->default_str("on")
      ->type_name("on|off")
      ->check(CLI::IsMember({"on", "off"}));
  engine.memory_bytes = std::max(engine.memory_bytes, MemoryLimit() / 2);
  AddSize(app, "--memory", &engine.memory_bytes,
          "Bound of the engine's memory; by default half of the machine's, at least 4 GiB");
  app->add_option("--checkpoint-events", engine.checkpoint_events,
                  "Write a checkpoint after this many events")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  AddDuration(app, "--checkpoint-interval", &engine.checkpoint_interval_ms, "Write a checkpoint this often");
  app->add_option("--seal-identities", engine.seal_identities,
                  "Move this many recent identities from memory to disk at a time")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  AddDuration(app, "--seal-interval", &engine.seal_interval_ms, "Move them at least this often");
  AddDuration(app, "--repack-quiet", &engine.repack_quiet_ms,
              "Repack an hour's small raw blocks after this long without arrivals");
  app->add_option(
         "--spool", options->spool_dir,
         "Import the .csv and .tsv files that are put into this folder, by the .json mapping beside them")
      ->type_name("DIR");
  AddSize(app, "--import-max", &options->import_bytes_max, "Largest file that may be imported");
  app->add_flag("--cut-damaged-log", engine.cut_damaged_log,
                "Start although the log is damaged, and give up what stands at and behind the damage:\n"
                "acknowledged events may be lost. Without it such a directory is refused");
  app->add_option("--log-level", *log_level, "What goes to stderr")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}));
  app->set_config("--config", "", "Read options from a TOML or INI file; the command line wins")
      ->type_name("FILE");
  app->allow_config_extras(CLI::config_extras_mode::error);
  app->set_version_flag("--version", "tallyd " + std::string(kVersion));
  app->footer(kExamples);
}

// Blocks the signals that stop the server in every thread made from here on.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);  // a peer that is gone shows as an error of the write
  return signals;
}

int Fail(const Status& status) {
  std::fprintf(stderr, "tallyd: %s\n", status.message().c_str());
  return 1;
}

int Serve(const ServerOptions& options) {
  sigset_t signals = BlockStopSignals();
  RaiseFileLimit();
  Result<std::unique_ptr<Server>> server = Server::Start(options);
  if (!server.ok()) return Fail(server.status());
  std::printf("%s\n", (*server)->ReadyLine().c_str());
  std::fflush(stdout);
  int received = 0;
  sigwait(&signals, &received);
  spdlog::info("stopping: {}", strsignal(received));
  if (Status s = (*server)->Stop(); !s.ok()) return Fail(s);
  spdlog::info("stopped");
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("tallyd: the Tallymark server, an exact counter of ad events", "tallyd");
  ServerOptions options;
  std::string log_level = "info";
  AddOptions(&app, &options, &log_level);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return Fail(Status::Invalid(std::string(error.what()) + " (see tallyd --help)"));
  }
  spdlog::set_default_logger(spdlog::stderr_color_mt("tallyd"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  spdlog::set_level(spdlog::level::from_str(log_level));
  return Serve(options);
}

}  // namespace
}  // namespace tallymark

int main(int argc, char** argv) {
  try {
    return tallymark::Main(argc, argv);
  } catch (const std::exception& thrown) {
    std::fprintf(stderr, "tallyd: %s\n", thrown.what());
    return 1;
  }
}
