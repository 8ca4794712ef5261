#include "bench/calibrate.h"

#include <fcntl.h>
#include <lz4.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "bench/fail.h"

namespace tallymark::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// Repeats `work`, which handles `bytes`, for `seconds` and returns the best rate: what disturbs a
// run only ever makes it slower.
double BestRate(double seconds, size_t bytes, const std::function<void()>& work) {
  double best = 0;
  auto begin = SteadyClock::now();
  do {
    auto start = SteadyClock::now();
    work();
    best = std::max(best, static_cast<double>(bytes) / SecondsSince(start));
  } while (SecondsSince(begin) < seconds);
  return best;
}

// Lines as the benchmarks send them, so that LZ4 meets what it meets in the server.
std::string EventLines(size_t size) {
  std::mt19937_64 random(1);
  std::string text;
  while (text.size() < size) {
    text += "click,ad_id=ad" + std::to_string(random() % 1'000'000) + ",country=C" +
            std::to_string(random() % 60) + " event_id=\"" + std::to_string(random()) + "\",ip=\"10." +
            std::to_string(random() % 256) + ".3.4\" 16094592" + std::to_string(random() % 90 + 10) +
            "000000000\n";
  }
  text.resize(size);
  return text;
}

class ScratchFile {
 public:
  explicit ScratchFile(const std::filesystem::path& directory) : path_(directory / "calibration.scratch") {
    fd_ = open(path_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd_ < 0) FailErrno("cannot write " + path_.string());
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() {
    close(fd_);
    std::filesystem::remove(path_);
  }

  void Append(const std::vector<char>& bytes) const {
    if (write(fd_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      FailErrno("writing " + path_.string());
    }
  }
  void Sync() const {
    if (fdatasync(fd_) != 0) FailErrno("fdatasync of " + path_.string());
  }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

double MedianFdatasync(const std::filesystem::path& directory, int rounds) {
  ScratchFile file(directory);
  const std::vector<char> page(4096, 'x');
  std::vector<double> seconds;
  for (int i = 0; i < rounds; ++i) {
    auto start = SteadyClock::now();
    file.Append(page);
    file.Sync();
    seconds.push_back(SecondsSince(start));
  }
  std::nth_element(seconds.begin(), seconds.begin() + rounds / 2, seconds.end());
  return seconds[static_cast<size_t>(rounds / 2)];
}

double SequentialWrite(const std::filesystem::path& directory, size_t megabytes) {
  ScratchFile file(directory);
  const std::vector<char> megabyte(1 << 20, 'y');
  auto start = SteadyClock::now();
  for (size_t i = 0; i < megabytes; ++i) file.Append(megabyte);
  file.Sync();
  return static_cast<double>(megabytes << 20) / SecondsSince(start);
}

}  // namespace

Calibration Calibrate(const std::filesystem::path& directory, bool quick) {
  const double seconds = quick ? 0.1 : 0.4;
  Calibration result;
  {
    std::vector<char> from(64 << 20, 'a');
    std::vector<char> to(from.size(), 'b');
    result.memcpy_bytes_per_s =
        BestRate(seconds, from.size(), [&] { std::memcpy(to.data(), from.data(), from.size()); });
  }
  const std::string lines = EventLines(4 << 20);
  std::vector<char> packed(static_cast<size_t>(LZ4_compressBound(static_cast<int>(lines.size()))));
  result.lz4_bytes_per_s = BestRate(seconds, lines.size(), [&] {
    if (LZ4_compress_default(lines.data(), packed.data(), static_cast<int>(lines.size()),
                             static_cast<int>(packed.size())) <= 0) {
      Fail("LZ4 refused to compress");
    }
  });
  unsigned char digest[EVP_MAX_MD_SIZE];
  result.sha256_bytes_per_s = BestRate(seconds, lines.size(), [&] {
    if (EVP_Digest(lines.data(), lines.size(), digest, nullptr, EVP_sha256(), nullptr) != 1) {
      Fail("SHA-256 is not available");
    }
  });
  result.fdatasync_s = MedianFdatasync(directory, quick ? 51 : 201);
  result.write_bytes_per_s = SequentialWrite(directory, quick ? 64 : 512);
  return result;
}

}  // namespace tallymark::bench
