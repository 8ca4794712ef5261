// The end-to-end benchmark: a real tallyd, fed over TCP and asked over HTTP. See bench/README.md.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <map>

#include "bench/fail.h"
#include "bench/modes.h"

namespace tallymark::bench {
namespace {

struct Options {
  uint64_t events = 20'000'000;
  uint64_t ads = 1'000'000;
  double span_s = 3600;
  double duplicates = 0.03;
  double late = 0.02;
  double zipf = 1.1;
  uint64_t seed = 1;
  unsigned connections = 2;
  unsigned filters = 0;
  int runs = 1;
  bool quick = false;
  bool keep = false;
  std::vector<std::string> modes;
  std::filesystem::path file;
  std::filesystem::path data_dir;
  std::filesystem::path json;
  std::vector<std::string> server_flags;
};

using Mode = Figures (*)(Session*);

// In the order they run; throughput is always first and the clean stop last.
const std::vector<std::pair<std::string, Mode>> kModes = {
    {"queries", MeasureQueries},    {"busy", MeasureQueriesUnderIngest}, {"steady", MeasureSteadyLatency},
    {"single", MeasureSingleEvent}, {"restart", MeasureRestart},
};

void Parse(int argc, char** argv, Options* options) {
  CLI::App app{
      "Feeds a real tallyd over TCP and measures it.\n\nexample:\n"
      "  ingest_e2e --events 100000000 --runs 3 --json result.json"};
  std::vector<std::string> names;
  for (const auto& [name, mode] : kModes) names.push_back(name);
  app.add_option("--events", options->events, "Lines to send")->capture_default_str();
  app.add_option("--ads", options->ads, "Ads, Zipf distributed")->capture_default_str();
  app.add_option("--span", options->span_s, "Event time that the lines spread over, in seconds")
      ->capture_default_str();
  app.add_option("--duplicates", options->duplicates, "Share of lines sent twice")->capture_default_str();
  app.add_option("--late", options->late, "Share of lines that are late")->capture_default_str();
  app.add_option("--zipf", options->zipf, "Exponent of the ads' popularity")->capture_default_str();
  app.add_option("--seed", options->seed, "Other seeds, other lines")->capture_default_str();
  app.add_option("--connections", options->connections, "Connections that send")
      ->check(CLI::Range(1U, 1000U))
      ->capture_default_str();
  app.add_option("--filters", options->filters, "Filters defined beforehand; the first matches every event")
      ->check(CLI::Range(0U, 2000U))
      ->capture_default_str();
  app.add_option("--runs", options->runs, "Runs, each on a new directory; medians are shown")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_flag("--quick", options->quick, "A size for CI: 500,000 lines, 50,000 ads, short modes");
  app.add_option("--modes", options->modes, "Beside throughput; all by default, 'none' for none")
      ->delimiter(',')
      ->check(CLI::IsMember(names) | CLI::IsMember({"none"}));
  app.add_option("--file", options->file, "Workload file, kept and used again when the options are the same");
  app.add_option("--data-dir", options->data_dir,
                 "Parent of the server's directories; default: the system's for temporary files");
  app.add_option("--json", options->json, "Write the figures there too");
  app.add_option("--server-flag", options->server_flags, "Passed on to tallyd; repeatable");
  app.add_flag("--keep", options->keep, "Leave the last server directory behind");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  if (options->quick) {
    options->events = std::min<uint64_t>(options->events, 500'000);
    options->ads = std::min<uint64_t>(options->ads, 50'000);
  }
  if (options->modes.empty()) options->modes = names;
}

// Ends two minutes ago when `end_before_s` is 0, so that live events never lie in its range.
StreamOptions StreamOf(const Options& options, uint64_t lines, uint64_t seed, double end_before_s) {
  StreamOptions stream;
  stream.seed = seed;
  stream.ads = options.ads;
  stream.zipf = options.zipf;
  stream.duplicates = options.duplicates;
  stream.late = options.late;
  stream.late_spread_ns =
      std::min<int64_t>(stream.late_spread_ns, static_cast<int64_t>(options.span_s / 2) * kNsPerSecond);
  stream.interval_ns = options.span_s * 1e9 / static_cast<double>(lines);
  const int64_t now_ns =
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  const int64_t end_ns = FloorDiv(now_ns, kNsPerMinute) * kNsPerMinute - 2 * kNsPerMinute;
  stream.start_ns = end_ns - static_cast<int64_t>((options.span_s + end_before_s) * 1e9);
  if (const Status status = StreamGenerator::Check(stream); !status.ok()) Fail(std::string(status.message()));
  return stream;
}

Figures RunOnce(const Options& options, const Workload& workload, const Workload& second,
                const Calibration& calibration, const std::filesystem::path& data_dir) {
  std::filesystem::remove_all(data_dir);
  Session session{.workload = workload,
                  .second = second,
                  .calibration = calibration,
                  .data_dir = data_dir,
                  .server_flags = options.server_flags,
                  .connections = options.connections,
                  .filters = options.filters,
                  .quick = options.quick,
                  .server = std::make_unique<ServerProcess>(data_dir, options.server_flags)};
  Figures figures = MeasureThroughput(&session);
  for (const auto& [name, mode] : kModes) {
    if (std::find(options.modes.begin(), options.modes.end(), name) == options.modes.end()) continue;
    Figures more = mode(&session);
    figures.insert(figures.end(), more.begin(), more.end());
  }
  Figures last = MeasureCleanStop(&session);
  figures.insert(figures.end(), last.begin(), last.end());
  return figures;
}

int Main(int argc, char** argv) {
  Options options;
  Parse(argc, argv, &options);
  auto parent = options.data_dir.empty() ? std::filesystem::temp_directory_path() : options.data_dir;
  std::string pattern = parent / "tallymark-bench-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) FailErrno("cannot make " + pattern);
  const std::filesystem::path scratch = pattern;

  const Calibration calibration = Calibrate(scratch, options.quick);
  const auto file = options.file.empty() ? scratch / "workload.lp" : options.file;
  const Workload workload =
      Workload::Prepare(StreamOf(options, options.events, options.seed, 0), options.events, file);
  // Beside queries a quarter of the lines will do; their time lies before the first stream's.
  const uint64_t second_lines = std::max<uint64_t>(options.events / 4, 1);
  const Workload second =
      Workload::Prepare(StreamOf(options, second_lines, options.seed + 1, 3 * options.span_s), second_lines,
                        file.string() + ".second");
  std::vector<Figures> runs;
  for (int run = 0; run < options.runs; ++run) {
    runs.push_back(RunOnce(options, workload, second, calibration, scratch / "data"));
    std::fprintf(stderr, "run %d of %d: %.2f M lines/s to the last synced\n", run + 1, options.runs,
                 runs.back()[0].value);
  }
  const std::string title =
      std::to_string(workload.lines()) + " lines, " + std::to_string(workload.active_ads()) + " of " +
      std::to_string(options.ads) + " ads, " + std::to_string(workload.duplicates()) + " duplicates, " +
      std::to_string(static_cast<int64_t>(options.span_s)) + " s of event time, " +
      std::to_string(workload.bytes() / workload.lines()) + " B a line, " + std::to_string(options.filters) +
      " filters, medians of " + std::to_string(options.runs);
  PrintTable(title, Medians(runs), calibration);
  if (!options.json.empty()) WriteJson(options.json, title, runs, calibration);
  if (options.keep) {
    std::fprintf(stderr, "left in %s\n", scratch.c_str());
  } else {
    std::filesystem::remove_all(scratch);
  }
  return 0;
}

}  // namespace
}  // namespace tallymark::bench

int main(int argc, char** argv) { return tallymark::bench::Main(argc, argv); }
