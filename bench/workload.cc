#include "bench/workload.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <iterator>
#include <mutex>
#include <thread>

#include "bench/fail.h"
#include "bench/loopback.h"
#include "tools/progress.h"

namespace tallymark::bench {
namespace {

constexpr uint64_t kPartLines = 100'000;
constexpr off_t kStretchBytes = 4 << 20;

class OpenFile {
 public:
  OpenFile(const std::filesystem::path& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    if (fd_ < 0) FailErrno("cannot open " + path.string());
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { close(fd_); }
  int fd() const { return fd_; }

 private:
  int fd_;
};

// Everything that decides the bytes of the file but its start.
std::string DescribeOptions(const StreamOptions& o, uint64_t lines) {
  std::string text;
  for (double number :
       {static_cast<double>(lines), static_cast<double>(o.seed), static_cast<double>(o.ads), o.zipf,
        static_cast<double>(o.users), o.duplicates, o.bad_lines, o.late, o.impressions, o.conversions,
        static_cast<double>(o.late_spread_ns), o.interval_ns, static_cast<double>(o.resolution_ns)}) {
    text += std::to_string(number) + " ";
  }
  return text;
}

// The next line begin at or after `at`; a file ends with LF.
off_t LineStart(int fd, off_t at, off_t size) {
  if (at == 0 || at >= size) return std::min(at, size);
  std::array<char, StreamGenerator::kLineBytesMax> buffer;
  const ssize_t n = pread(fd, buffer.data(), buffer.size(), at - 1);
  const char* begin = buffer.data();
  const char* end = begin + std::max<ssize_t>(n, 0);
  const char* feed = std::find(begin, end, '\n');
  if (feed == end) Fail("the workload file has a line that is too long");
  return at + (feed - begin);
}

}  // namespace

struct Workload::Part {
  std::string text;
  uint64_t fresh = 0;
};

Workload::Part Workload::MakePart(uint64_t first, uint64_t end, bool write) {
  Part part;
  if (write) {
    part.text.resize((end - first) * StreamGenerator::kLineBytesMax);
    uint64_t next = first;
    char* begin = part.text.data();
    part.text.resize(
        static_cast<size_t>(stream_.WriteLines(&next, end, begin, begin + part.text.size()) - begin));
  }
  for (uint64_t i = first; i < end; ++i) {
    if (stream_.ClassOf(i) != LineClass::kFresh) continue;
    ++part.fresh;
    std::atomic_ref(clicks_[stream_.EventAt(i).ad]).fetch_add(1, std::memory_order_relaxed);
  }
  return part;
}

void Workload::Make(bool write) {
  OpenFile file(file_, write ? O_CREAT | O_TRUNC | O_WRONLY : O_RDONLY);
  Progress progress(false);
  const unsigned workers = std::max(1U, std::thread::hardware_concurrency());
  for (uint64_t first = 0; first < lines_;) {
    std::vector<std::future<Part>> parts;
    for (unsigned w = 0; w < workers && first < lines_; ++w) {
      const uint64_t end = std::min(first + kPartLines, lines_);
      parts.push_back(
          std::async(std::launch::async, [this, first, end, write] { return MakePart(first, end, write); }));
      first = end;
    }
    for (auto& waiting : parts) {
      const Part part = waiting.get();
      fresh_ += part.fresh;
      for (size_t at = 0; at < part.text.size();) {
        const ssize_t n = ::write(file.fd(), part.text.data() + at, part.text.size() - at);
        if (n < 0) FailErrno("writing " + file_.string());
        at += static_cast<size_t>(n);
      }
    }
    if (progress.Due())
      progress.Show("making the workload  " + ProgressText(first, lines_, "lines", progress.Seconds()));
  }
  // Written out now, so that the disk does not do it while the server is measured.
  if (write && fdatasync(file.fd()) != 0) FailErrno("fdatasync of " + file_.string());
}

Workload::Workload(const StreamOptions& options, uint64_t lines, std::filesystem::path file)
    : stream_(options), lines_(lines), file_(std::move(file)), clicks_(options.ads + 1) {}

Workload Workload::Prepare(const StreamOptions& options, uint64_t lines, const std::filesystem::path& file) {
  const std::filesystem::path note = file.string() + ".options";
  const std::string described = DescribeOptions(options, lines);
  StreamOptions used = options;
  bool made = false;
  if (std::ifstream in(note); in && std::filesystem::exists(file)) {
    int64_t start_ns = 0;
    std::string text;
    in >> start_ns;
    in.ignore();
    std::getline(in, text);
    made = text == described;
    if (made) used.start_ns = start_ns;
  }
  Workload workload(used, lines, file);
  workload.Make(!made);
  if (!made) {
    std::ofstream out(note);
    out << used.start_ns << ' ' << described << '\n';
    if (!out.flush()) Fail("cannot write " + note.string());
  }
  workload.bytes_ = std::filesystem::file_size(file);
  return workload;
}

uint64_t Workload::active_ads() const {
  return static_cast<uint64_t>(
      std::count_if(clicks_.begin(), clicks_.end(), [](uint32_t n) { return n > 0; }));
}

int64_t Workload::begin_ms() const {
  return FloorDiv(stream_.options().start_ns - stream_.options().late_spread_ns, kNsPerMinute) * kMsPerMinute;
}

int64_t Workload::end_ms() const {
  const auto length_ns = static_cast<int64_t>(static_cast<double>(lines_) * stream_.options().interval_ns);
  return FloorDiv(stream_.options().start_ns + length_ns, kNsPerMinute) * kMsPerMinute + kMsPerMinute;
}

SendResult SendWorkload(const Workload& workload, uint16_t port, unsigned connections) {
  OpenFile file(workload.file(), O_RDONLY);
  const auto size = static_cast<off_t>(workload.bytes());
  std::vector<Loopback> opened;
  opened.reserve(connections);
  for (unsigned c = 0; c < connections; ++c) opened.emplace_back(port);

  std::atomic<off_t> next{0};
  SyncAnswer sum;
  std::mutex mutex;
  auto start = std::chrono::steady_clock::now();
  auto send = [&](Loopback* connection) {
    for (off_t at = 0; (at = next.fetch_add(kStretchBytes)) < size;) {
      connection->SendFile(file.fd(), LineStart(file.fd(), at, size),
                           LineStart(file.fd(), at + kStretchBytes, size));
    }
    connection->Send("#sync end\n");
    const SyncAnswer answer = ReadSynced(*connection, "end");
    std::lock_guard lock(mutex);
    sum += answer;
  };
  {
    std::vector<std::jthread> threads;
    for (Loopback& connection : opened) threads.emplace_back(send, &connection);
    Progress progress(false);
    while (next < size) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      if (progress.Due()) {
        const auto share = static_cast<double>(std::min<off_t>(next, size)) / static_cast<double>(size);
        const auto sent = static_cast<uint64_t>(share * static_cast<double>(workload.lines()));
        progress.Show("sending  " + ProgressText(sent, workload.lines(), "lines", progress.Seconds()));
      }
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return {
      .accepted = sum.accepted, .duplicates = sum.duplicates, .rejected = sum.rejected, .seconds = seconds};
}

}  // namespace tallymark::bench
