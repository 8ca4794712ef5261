#include "bench/drain.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "bench/fail.h"
#include "bench/loopback.h"

namespace tallymark::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kPoll = std::chrono::milliseconds(100);
constexpr int kQuietPolls = 20;
constexpr double kIdleCpuShare = 0.03;  // being asked for metrics costs a little

// Work of RocksDB that waits or goes on; each must be there and be 0, over all column families.
constexpr std::string_view kPending[] = {
    "tallymark_rocksdb_compaction_pending",
    "tallymark_rocksdb_num_running_compactions",
    "tallymark_rocksdb_mem_table_flush_pending",
    "tallymark_rocksdb_num_running_flushes",
};
constexpr std::string_view kLastSequence = "tallymark_log_last_sequence";
constexpr std::string_view kViewPosition = "tallymark_view_position_sequence";

struct Sample {
  double sum = 0;
  double lowest = 0;
};

// Families of a Prometheus text, labels folded.
std::map<std::string, Sample, std::less<>> ParseMetrics(std::string_view text) {
  std::map<std::string, Sample, std::less<>> families;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty() || line.front() == '#') continue;
    const size_t space = line.rfind(' ');
    double value = 0;
    std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
    auto [at, fresh] = families.try_emplace(std::string(line.substr(0, line.find_first_of("{ "))));
    at->second.lowest = fresh ? value : std::min(at->second.lowest, value);
    at->second.sum += value;
  }
  return families;
}

bool HasWork(std::string_view metrics) {
  const auto families = ParseMetrics(metrics);
  auto family = [&](std::string_view name) {
    auto found = families.find(name);
    if (found == families.end()) Fail("/metrics has no " + std::string(name));
    return found->second;
  };
  const bool covered = family(kViewPosition).lowest >= family(kLastSequence).sum;
  return !covered || std::any_of(std::begin(kPending), std::end(kPending),
                                 [&](std::string_view name) { return family(name).sum > 0; });
}

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

}  // namespace

DrainTime WaitUntilDrained(const ServerProcess& server) {
  HttpClient http(server.http_port());
  DrainTime drain;
  auto begin = SteadyClock::now();
  ProcessUsage before = server.Usage();
  for (int quiet = 0; quiet < kQuietPolls;) {
    auto start = SteadyClock::now();
    std::this_thread::sleep_for(kPoll);
    const bool has_work = HasWork(http.Get("/metrics"));
    const ProcessUsage now = server.Usage();
    const double seconds = SecondsSince(start);
    const bool busy =
        now.cpu_s - before.cpu_s > kIdleCpuShare * seconds || now.written_bytes != before.written_bytes;
    before = now;
    quiet = busy || has_work ? 0 : quiet + 1;
    if (!busy) continue;
    drain.busy_s += seconds;
    drain.wall_s = SecondsSince(begin);
  }
  return drain;
}

}  // namespace tallymark::bench
