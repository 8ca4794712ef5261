#ifndef TALLYMARK_BENCH_CALIBRATE_H_
#define TALLYMARK_BENCH_CALIBRATE_H_

#include <filesystem>

namespace tallymark::bench {

// What this machine does right now, one core where nothing else is said. Machines differ and are
// noisy, so every table of results carries these and the ratio to them.
struct Calibration {
  double memcpy_bytes_per_s = 0;  // buffers far larger than any cache
  double lz4_bytes_per_s = 0;     // compressing event lines, bytes in
  double sha256_bytes_per_s = 0;
  double fdatasync_s = 0;        // median of a 4 KiB append and its fdatasync
  double write_bytes_per_s = 0;  // sequential, large writes, the last fdatasync included
};

// Measures for about two seconds, `quick` for a quarter of it. Writes a scratch file into
// `directory` (the disk to be measured) and removes it. Ends the program when that fails.
Calibration Calibrate(const std::filesystem::path& directory, bool quick);

}  // namespace tallymark::bench

#endif  // TALLYMARK_BENCH_CALIBRATE_H_
