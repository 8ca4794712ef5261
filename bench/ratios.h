#ifndef TALLYMARK_BENCH_RATIOS_H_
#define TALLYMARK_BENCH_RATIOS_H_

#include <string>
#include <utility>

#include "bench/calibrate.h"
#include "bench/report.h"

namespace tallymark::bench {

// Figures with the part of the calibration that limits their kind of work.

// Lines a second, against how fast one core compresses the same bytes with LZ4.
inline Figure RateFigure(std::string key, std::string label, double lines_per_s, double line_bytes,
                         const Calibration& calibration) {
  return {.key = std::move(key),
          .label = std::move(label),
          .value = lines_per_s / 1e6,
          .unit = "M/s",
          .ratio = lines_per_s * line_bytes / calibration.lz4_bytes_per_s,
          .ratio_of = "LZ4 of the lines"};
}

// CPU seconds for a million lines, against SHA-256 of the same bytes.
inline Figure CpuFigure(std::string key, std::string label, double cpu_s_per_million, double line_bytes,
                        const Calibration& calibration) {
  return {.key = std::move(key),
          .label = std::move(label),
          .value = cpu_s_per_million,
          .unit = "s",
          .ratio = cpu_s_per_million / (1e6 * line_bytes / calibration.sha256_bytes_per_s),
          .ratio_of = "SHA-256 of the lines"};
}

// A latency that ends with a sync to disk.
inline Figure SyncFigure(std::string key, std::string label, double seconds, const Calibration& calibration) {
  return {.key = std::move(key),
          .label = std::move(label),
          .value = seconds * 1e3,
          .unit = "ms",
          .ratio = seconds / calibration.fdatasync_s,
          .ratio_of = "fdatasync"};
}

// The time of a question, against copying a MiB.
inline Figure QueryFigure(std::string key, std::string label, double seconds,
                          const Calibration& calibration) {
  return {.key = std::move(key),
          .label = std::move(label),
          .value = seconds * 1e3,
          .unit = "ms",
          .ratio = seconds / (0x1p20 / calibration.memcpy_bytes_per_s),
          .ratio_of = "memcpy of 1 MiB"};
}

}  // namespace tallymark::bench

#endif  // TALLYMARK_BENCH_RATIOS_H_
