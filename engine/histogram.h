#ifndef TALLYMARK_ENGINE_HISTOGRAM_H_
#define TALLYMARK_ENGINE_HISTOGRAM_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "engine/engine_stats.h"

namespace tallymark {

// Counts values in buckets whose bounds double: first, 2*first, 4*first, ... Thread safe; Record is
// three relaxed atomic additions. A snapshot may miss a Record that runs beside it.
class Histogram {
 public:
  explicit Histogram(double first_bound) : first_bound_(first_bound) {}

  using Counts = std::array<uint64_t, HistogramSnapshot::kBuckets>;

  void Record(double value);
  // Values that were put in buckets elsewhere, and their sum.
  void Add(const Counts& counts, double sum);
  HistogramSnapshot Snapshot() const;

 private:
  const double first_bound_;
  std::array<std::atomic<uint64_t>, HistogramSnapshot::kBuckets> counts_{};
  std::atomic<double> sum_{0};
};

// Seconds since a steady starting point; for durations only.
inline double SteadySeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_HISTOGRAM_H_
