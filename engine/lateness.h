#ifndef TALLYMARK_ENGINE_LATENESS_H_
#define TALLYMARK_ENGINE_LATENESS_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "engine/histogram.h"
#include "format/time_units.h"

namespace tallymark {

// How far events lie behind the newest event time seen before them, gathered without a lock and
// handed to a histogram chunk by chunk. One thread.
class LatenessMeter {
 public:
  // Bounds of the histogram: 1 s, 2 s, 4 s, ... 48 d.
  static constexpr double kFirstBoundSeconds = 1;

  // `newest_ns` is INT64_MIN before the first event.
  explicit LatenessMeter(int64_t newest_ns) : newest_ns_(newest_ns) {}

  void Note(int64_t time_ns) {
    newest_ns_ = std::max(newest_ns_, time_ns);
    const auto late_ns = static_cast<uint64_t>(newest_ns_) - static_cast<uint64_t>(time_ns);
    ++counts_[BucketOf(late_ns)];
    sum_seconds_ += static_cast<double>(late_ns) * 1e-9;
  }

  // Adds what was noted since the last call.
  void MoveTo(Histogram* histogram) {
    histogram->Add(counts_, sum_seconds_);
    counts_ = {};
    sum_seconds_ = 0;
  }

  // The first bucket whose bound is not below it.
  static size_t BucketOf(uint64_t late_ns) {
    if (late_ns == 0) return 0;
    const auto bucket = static_cast<size_t>(std::bit_width((late_ns - 1) / uint64_t{kNsPerSecond}));
    return std::min<size_t>(bucket, HistogramSnapshot::kBuckets - 1);
  }

 private:
  int64_t newest_ns_;
  Histogram::Counts counts_{};
  double sum_seconds_ = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_LATENESS_H_
