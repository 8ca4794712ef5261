#include "bench/drain.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>
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
constexpr double kIdleCpuShare = 0.15;  // the kernel counts in ticks of 10 ms

// RocksDB's figures for work that waits or goes on; each must be there and be 0.
constexpr std::string_view kPending[] = {
    "tallymark_rocksdb{name=\"rocksdb.compaction-pending\"}",
    "tallymark_rocksdb{name=\"rocksdb.num-running-compactions\"}",
    "tallymark_rocksdb{name=\"rocksdb.mem-table-flush-pending\"}",
    "tallymark_rocksdb{name=\"rocksdb.num-running-flushes\"}",
};
constexpr std::string_view kLogEnd = "tallymark_log_sequence";
constexpr std::string_view kCovered = "tallymark_view_position{view=\"counters\"}";

// The sample of that name and labels in a Prometheus text.
uint64_t SampleOf(std::string_view metrics, std::string_view name) {
  size_t at = metrics.find("\n" + std::string(name) + " ");
  if (at == std::string_view::npos) Fail("/metrics has no " + std::string(name));
  metrics.remove_prefix(at + name.size() + 2);
  uint64_t value = 0;
  std::from_chars(metrics.data(), metrics.data() + metrics.size(), value);
  return value;
}

// Over a connection of its own: the server closes one that asks nothing for longer than a drain may take.
bool HasWork(const ServerProcess& server) {
  HttpClient http(server.http_port());
  const std::string_view metrics = http.Get("/metrics");
  return SampleOf(metrics, kCovered) < SampleOf(metrics, kLogEnd) ||
         std::any_of(std::begin(kPending), std::end(kPending),
                     [&](std::string_view name) { return SampleOf(metrics, name) > 0; });
}

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

}  // namespace

DrainTime WaitUntilDrained(const ServerProcess& server) {
  DrainTime drain;
  auto begin = SteadyClock::now();
  ProcessUsage before = server.Usage();
  // /metrics is only asked once the process looks idle: asking costs what is being measured.
  for (int quiet = 0; quiet < kQuietPolls || HasWork(server);) {
    if (quiet == kQuietPolls) quiet = 0;
    auto start = SteadyClock::now();
    std::this_thread::sleep_for(kPoll);
    const ProcessUsage now = server.Usage();
    const double seconds = SecondsSince(start);
    const bool busy =
        now.cpu_s - before.cpu_s > kIdleCpuShare * seconds || now.written_bytes != before.written_bytes;
    before = now;
    quiet = busy ? 0 : quiet + 1;
    if (!busy) continue;
    drain.busy_s += seconds;
    drain.wall_s = SecondsSince(begin);
  }
  return drain;
}

}  // namespace tallymark::bench
