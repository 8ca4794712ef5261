#ifndef TALLYMARK_BENCH_WORKLOAD_H_
#define TALLYMARK_BENCH_WORKLOAD_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/stream_generator.h"

namespace tallymark::bench {

// A file of generated lines and what a server must have counted after it. Immutable once made.
class Workload {
 public:
  // Makes the lines, counts them and writes the file; with a file that the same options made
  // before (FILE.options says so) only counts. The stream then starts when that file's does.
  // Shows progress on a terminal.
  static Workload Prepare(const StreamOptions& options, uint64_t lines, const std::filesystem::path& file);

  const std::filesystem::path& file() const { return file_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t lines() const { return lines_; }
  uint64_t fresh() const { return fresh_; }
  uint64_t duplicates() const { return lines_ - fresh_; }
  // Clicks of an ad, 1-based, over the whole stream.
  uint32_t Clicks(uint64_t ad) const { return clicks_[ad]; }
  uint64_t ads() const { return clicks_.size() - 1; }
  // Ads with at least one click.
  uint64_t active_ads() const;
  // The ad of some line, so that popular ads come often; `draw` decides which.
  uint64_t AdOfSomeLine(uint64_t draw) const { return stream_.EventAt(Mix64(draw) % lines_).ad; }

  // Whole minutes, in epoch milliseconds, that hold every event.
  int64_t begin_ms() const;
  int64_t end_ms() const;

 private:
  struct Part;
  Workload(const StreamOptions& options, uint64_t lines, std::filesystem::path file);
  void Make(bool write);
  Part MakePart(uint64_t first, uint64_t end, bool write);

  StreamGenerator stream_;
  uint64_t lines_;
  std::filesystem::path file_;
  uint64_t fresh_ = 0;
  uint64_t bytes_ = 0;
  std::vector<uint32_t> clicks_;
};

// What the connections that sent a workload were told, and when.
struct SendResult {
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t rejected = 0;
  double seconds = 0;  // first byte sent to last `synced` read
};

// Sends the file as fast as the server takes it, in stretches of a few MB that the connections take
// turns at, each connection ending with a `#sync`; returns when the last is answered.
SendResult SendWorkload(const Workload& workload, uint16_t port, unsigned connections);

}  // namespace tallymark::bench

#endif  // TALLYMARK_BENCH_WORKLOAD_H_
