#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <thread>

#include "bench/drain.h"
#include "bench/fail.h"
#include "bench/loopback.h"
#include "bench/modes.h"
#include "bench/ratios.h"

namespace tallymark::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
using TimePoint = SteadyClock::time_point;

constexpr int kConnections = 100;
constexpr int kEventsPerSecond = 50'000;
constexpr uint64_t kBatchEvents = 5;  // with a `#sync` behind it: every connection asks each 10 ms

int64_t NowNs() {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

double Seconds(SteadyClock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// A live stream of its own: no identity comes twice, in whatever run.
StreamGenerator LiveStream(uint64_t ads) {
  StreamOptions options;
  options.seed = static_cast<uint64_t>(NowNs());
  options.ads = ads;
  options.duplicates = 0;
  options.late = 0;
  options.start_ns = NowNs();
  options.interval_ns = 1e9 / kEventsPerSecond;
  return StreamGenerator(options);
}

// Sends batches when they are due, whatever the answers do, and times each from the moment it was
// due: a server that stalls is charged for all that had to wait.
class SteadySender {
 public:
  SteadySender(uint16_t port, uint64_t ads, double seconds)
      : stream_(LiveStream(ads)),
        batches_(static_cast<uint64_t>(seconds * kEventsPerSecond) / kBatchEvents),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) FailErrno("epoll_create1");
    lines_.reserve(kConnections);
    for (int c = 0; c < kConnections; ++c) {
      lines_.push_back({Loopback(port), {}});
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u32 = static_cast<uint32_t>(c);
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, lines_.back().connection.fd(), &event) != 0)
        FailErrno("epoll_ctl");
    }
  }
  SteadySender(const SteadySender&) = delete;
  SteadySender& operator=(const SteadySender&) = delete;
  ~SteadySender() { close(epoll_); }

  // Seconds from due to sent, one for each batch: what this program itself was late, for want of a
  // processor or held back by the server.
  std::vector<double> TakeLateness() { return std::move(late_seconds_); }

  // Seconds from due to acknowledged, one for each batch.
  std::vector<double> Run() {
    begin_ = SteadyClock::now();
    while (seconds_.size() < batches_) {
      while (sent_ < batches_ && SteadyClock::now() >= Due(sent_)) SendNext();
      ReadAnswers();
    }
    if (accepted_ != batches_ * kBatchEvents) Fail("not every event of the steady stream was accepted");
    return std::move(seconds_);
  }

 private:
  struct Line {
    Loopback connection;
    std::deque<uint64_t> waiting;  // batches without an answer
  };

  TimePoint Due(uint64_t batch) const {
    return begin_ + std::chrono::nanoseconds(batch * kBatchEvents * (1'000'000'000 / kEventsPerSecond));
  }

  void SendNext() {
    Line& line = lines_[sent_ % kConnections];
    char text[(kBatchEvents + 1) * StreamGenerator::kLineBytesMax];
    uint64_t next = sent_ * kBatchEvents;
    char* end = stream_.WriteLines(&next, next + kBatchEvents, text, text + sizeof text);
    const std::string sync = "#sync b" + std::to_string(sent_) + "\n";
    line.connection.Send(std::string(text, end) + sync);
    late_seconds_.push_back(Seconds(SteadyClock::now() - Due(sent_)));
    line.waiting.push_back(sent_++);
  }

  // Waits until an answer comes or the next batch is due.
  void ReadAnswers() {
    timespec wait{0, 0};
    const auto left = std::chrono::nanoseconds(Due(sent_) - SteadyClock::now()).count();
    if (sent_ < batches_) wait.tv_nsec = std::max<int64_t>(left, 0);
    epoll_event events[kConnections];
    const int n = epoll_pwait2(epoll_, events, kConnections, sent_ < batches_ ? &wait : nullptr, nullptr);
    if (n < 0 && errno != EINTR) FailErrno("epoll_pwait2");
    for (int i = 0; i < n; ++i) {
      Line& line = lines_[events[i].data.u32];
      do {
        const uint64_t batch = line.waiting.front();
        line.waiting.pop_front();
        accepted_ += ReadSynced(line.connection, "b" + std::to_string(batch)).accepted;
        seconds_.push_back(Seconds(SteadyClock::now() - Due(batch)));
      } while (line.connection.HasLine());
    }
  }

  StreamGenerator stream_;
  uint64_t batches_;
  int epoll_;
  std::vector<Line> lines_;
  TimePoint begin_;
  uint64_t sent_ = 0;
  uint64_t accepted_ = 0;
  std::vector<double> seconds_;
  std::vector<double> late_seconds_;
};

std::string OneEvent(const std::string& ad, uint64_t number) {
  const int64_t now_ns = NowNs();
  return "click,ad_id=" + ad + ",country=USA event_id=\"" + std::to_string(now_ns) + "-" +
         std::to_string(number) + "\",user_id=\"u1\",ip=\"10.1.2.3\" " + std::to_string(now_ns) + "\n";
}

// Sends single events of an ad nobody else uses and asks for its count until each shows.
std::vector<double> SentToCounted(const ServerProcess& server, const std::atomic<bool>& done) {
  Loopback line(server.ingest_port());
  HttpClient http(server.http_port());
  const std::string ad = "probe-" + std::to_string(NowNs());
  std::vector<double> seconds;
  while (!done || seconds.empty()) {
    auto start = SteadyClock::now();
    line.Send(OneEvent(ad, seconds.size()));
    const std::string wanted = "\"count\":" + std::to_string(seconds.size() + 1) + ",";
    const std::string target = "/v1/ads/" + ad + "/aggregated_cnt?from=now-60m";
    while (http.Get(target).find(wanted) == std::string_view::npos) {
      if (Seconds(SteadyClock::now() - start) > 60) Fail("an event was not counted within a minute");
    }
    seconds.push_back(Seconds(SteadyClock::now() - start));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return seconds;
}

}  // namespace

// What a mode before this one left to be checkpointed and compacted is not part of a steady stream.
Figures MeasureSteadyLatency(Session* session) {
  if (!session->quick) WaitUntilDrained(*session->server);
  SteadySender sender(session->server->ingest_port(), session->workload.ads(), session->quick ? 2 : 20);
  std::atomic<bool> done{false};
  std::vector<double> counted;
  std::vector<double> acknowledged;
  {
    std::jthread probe([&] { counted = SentToCounted(*session->server, done); });
    acknowledged = sender.Run();
    done = true;
  }
  const Calibration& machine = session->calibration;
  std::vector<double> late = sender.TakeLateness();
  return {
      SyncFigure("sender_late_p99_ms", "how late the steady sender itself was, p99", Quantile(&late, 0.99),
                 machine),
      SyncFigure("ack_p50_ms", "sent to `synced` at 50,000/s over 100 connections, p50",
                 Quantile(&acknowledged, 0.5), machine),
      SyncFigure("ack_p99_ms", "the same, p99", Quantile(&acknowledged, 0.99), machine),
      SyncFigure("counted_p50_ms", "sent to counted in an answer, at 50,000/s, p50", Quantile(&counted, 0.5),
                 machine),
      SyncFigure("counted_p99_ms", "the same, p99", Quantile(&counted, 0.99), machine),
  };
}

Figures MeasureSingleEvent(Session* session) {
  Loopback line(session->server->ingest_port());
  std::vector<double> seconds;
  const uint64_t rounds = session->quick ? 100 : 1'000;
  for (uint64_t i = 0; i < rounds; ++i) {
    auto start = SteadyClock::now();
    line.Send(OneEvent("single", i) + "#sync one\n");
    if (ReadSynced(line, "one").accepted != 1) Fail("a single event was not accepted");
    seconds.push_back(Seconds(SteadyClock::now() - start));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const Calibration& machine = session->calibration;
  return {
      SyncFigure("single_p50_ms", "one event on an idle server, sent to `synced`, p50",
                 Quantile(&seconds, 0.5), machine),
      SyncFigure("single_p99_ms", "the same, p99", Quantile(&seconds, 0.99), machine),
  };
}

}  // namespace tallymark::bench
