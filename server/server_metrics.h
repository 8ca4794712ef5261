#ifndef TALLYMARK_SERVER_SERVER_METRICS_H_
#define TALLYMARK_SERVER_SERVER_METRICS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "engine/histogram.h"
#include "format/event_parser.h"

namespace tallymark {

// A counter on a cache line of its own. Relaxed: figures are read one by one, not as a whole.
struct alignas(64) Counter {
  std::atomic<uint64_t> value{0};
  void Add(uint64_t n = 1) { value.fetch_add(n, std::memory_order_relaxed); }
  void Subtract(uint64_t n = 1) { value.fetch_sub(n, std::memory_order_relaxed); }
  uint64_t Get() const { return value.load(std::memory_order_relaxed); }
};

// Requests of one route by status code, and how long they took.
struct RouteMetrics {
  static constexpr std::array<int, 19> kCodes = {200, 201, 202, 204, 400, 404, 405, 408, 409, 413,
                                                 414, 415, 417, 422, 429, 431, 500, 503, 0};
  std::array<std::atomic<uint64_t>, kCodes.size()> by_code{};  // the last: every other code
  Histogram seconds{50e-6};

  void Record(int code, double took_seconds) {
    size_t i = 0;
    while (i + 1 < kCodes.size() && kCodes[i] != code) ++i;
    by_code[i].fetch_add(1, std::memory_order_relaxed);
    seconds.Record(took_seconds);
  }
};

// What the server counts itself, since it started; the engine counts the rest (EngineStats).
struct ServerMetrics {
  enum Source : uint8_t { kTcp = 0, kHttp = 1 };
  static constexpr int kSources = 2;
  static constexpr size_t kRoutesMax = 64;

  // Event lines, taken and rejected, without comments and blanks; and their bytes.
  std::array<Counter, kSources> lines;
  std::array<Counter, kSources> bytes;
  std::array<std::atomic<uint64_t>, kRejectReasonCount> rejected{};
  Counter syncs;               // #sync directives answered
  Counter ingest_connections;  // open now
  Counter ingest_accepted;     // connections ever taken
  Counter ingest_refused;      // closed at once: too many, or not line protocol
  Counter http_connections;    // open now
  Counter http_accepted;
  Counter http_refused;
  std::array<RouteMetrics, kRoutesMax> routes;  // by Route::id; the last: no route

  void CountRejected(RejectReason reason, uint64_t n = 1) {
    rejected[static_cast<size_t>(reason)].fetch_add(n, std::memory_order_relaxed);
  }
  uint64_t RejectedTotal() const {
    uint64_t total = 0;
    for (const auto& count : rejected) total += count.load(std::memory_order_relaxed);
    return total;
  }
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_SERVER_METRICS_H_
