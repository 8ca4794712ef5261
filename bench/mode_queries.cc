#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>

#include "bench/check_counts.h"
#include "bench/fail.h"
#include "bench/loopback.h"
#include "bench/modes.h"
#include "bench/ratios.h"

namespace tallymark::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int64_t kMinutesOfWeek = 7 * 24 * 60;

// Names the i-th question.
using Target = std::function<std::string(uint64_t)>;

double TimedGet(HttpClient* http, const std::string& target) {
  auto start = SteadyClock::now();
  http->Get(target);
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

std::vector<double> TimedGets(HttpClient* http, int count, const Target& target) {
  std::vector<double> seconds;
  seconds.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) seconds.push_back(TimedGet(http, target(static_cast<uint64_t>(i))));
  return seconds;
}

std::string Number(int64_t number) { return std::to_string(number); }

Target LastHour(const Workload& workload) {
  return [&workload](uint64_t i) {
    return "/v1/ads/" + StreamGenerator::AdName(workload.AdOfSomeLine(i)) +
           "/aggregated_cnt?from=" + Number(workload.end_ms() - kMsPerHour) +
           "&to=" + Number(workload.end_ms());
  };
}

Target MonthByHour(const Workload& workload) {
  return [&workload](uint64_t i) {
    const int64_t to = workload.end_ms();
    return "/v1/ads/" + StreamGenerator::AdName(workload.AdOfSomeLine(i)) +
           "/series?step=1h&from=" + Number(to - 30 * kMsPerDay) + "&to=" + Number(to);
  };
}

Target TopList(int64_t window_minutes) {
  return
      [window_minutes](uint64_t) { return "/v1/ads/popular_ads?count=100&window=" + Number(window_minutes); };
}

// Ends in the middle of an hour, so that minutes are needed at both ends.
Target TopListTo(const Workload& workload, int64_t window_minutes) {
  return [&workload, window_minutes](uint64_t i) {
    const int64_t to = workload.end_ms() - static_cast<int64_t>(i % 7) * kMsPerMinute;
    return "/v1/ads/popular_ads?count=100&window=" + Number(window_minutes) + "&to=" + Number(to);
  };
}

void AddQuantiles(const std::string& key, const std::string& label, std::vector<double> seconds,
                  const Calibration& machine, Figures* figures) {
  figures->push_back(QueryFigure(key + "_p50_ms", label + ", p50", Quantile(&seconds, 0.5), machine));
  figures->push_back(QueryFigure(key + "_p99_ms", label + ", p99", Quantile(&seconds, 0.99), machine));
}

// Requests a second by wrk; 0 where wrk is not installed.
double RequestsPerSecond(uint16_t port, const std::string& target, int seconds) {
  const std::string command = "wrk -t1 -c32 -d" + std::to_string(seconds) +
                              "s 'http://127.0.0.1:" + std::to_string(port) + target + "' 2>/dev/null";
  std::FILE* out = popen(command.c_str(), "r");
  if (out == nullptr) return 0;
  std::array<char, 512> line;
  double rate = 0;
  bool errors = false;
  while (std::fgets(line.data(), static_cast<int>(line.size()), out) != nullptr) {
    const std::string_view text(line.data());
    if (text.starts_with("Requests/sec:")) std::sscanf(line.data(), "Requests/sec: %lf", &rate);
    if (text.find("Non-2xx") != std::string_view::npos) errors = true;
  }
  pclose(out);
  if (errors) Fail("wrk met answers other than 200 for " + target);
  return rate;
}

}  // namespace

Figures MeasureQueries(Session* session) {
  const Workload& workload = session->workload;
  const Calibration& machine = session->calibration;
  HttpClient http(session->server->http_port());
  const int many = session->quick ? 1'000 : 20'000;
  const int few = session->quick ? 3 : 15;
  Figures figures;
  TimedGets(&http, many / 10, LastHour(workload));  // first touch of the caches is not what is asked here
  AddQuantiles("aggregated_cnt_idle", "aggregated_cnt, last 60 minutes, idle server",
               TimedGets(&http, many, LastHour(workload)), machine, &figures);
  AddQuantiles("series_month", "series of 30 days by hour, one ad",
               TimedGets(&http, many / 4, MonthByHour(workload)), machine, &figures);
  AddQuantiles("popular_ads_hour", "popular_ads 100, 60-minute window up to now",
               TimedGets(&http, few * 10, TopList(60)), machine, &figures);
  for (int64_t window : {int64_t{97}, int64_t{1440}, kMinutesOfWeek}) {
    const std::string name = Number(window);
    AddQuantiles("popular_ads_" + name + "_minutes", "popular_ads 100, " + name + " minutes up to any minute",
                 TimedGets(&http, few, TopListTo(workload, window)), machine, &figures);
  }
  if (const double rate =
          RequestsPerSecond(session->server->http_port(), LastHour(workload)(0), session->quick ? 1 : 5)) {
    figures.push_back(
        {"aggregated_cnt_requests_per_s", "aggregated_cnt, wrk with 32 connections", rate, "/s"});
  }
  return figures;
}

Figures MeasureQueriesUnderIngest(Session* session) {
  const Workload& busy = session->second;
  std::atomic<bool> done{false};
  SendResult sent;
  std::vector<double> seconds;
  {
    std::jthread ingest([&] {
      sent = SendWorkload(busy, session->server->ingest_port(), session->connections);
      done = true;
    });
    HttpClient http(session->server->http_port());
    const Target target = LastHour(session->workload);
    for (uint64_t i = 0; !done || seconds.empty(); ++i) {
      seconds.push_back(TimedGet(&http, target(i)));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  CheckTallies(busy, sent);
  CheckCounts(busy, session->server->http_port());
  Figures figures;
  AddQuantiles("aggregated_cnt_busy", "aggregated_cnt while ingest runs flat out", std::move(seconds),
               session->calibration, &figures);
  return figures;
}

}  // namespace tallymark::bench
