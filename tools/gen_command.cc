#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <thread>

#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/line_client.h"
#include "tools/progress.h"
#include "tools/stream_generator.h"

namespace tallymark {
namespace {

constexpr uint64_t kEventsDefault = 1'000'000;
constexpr uint64_t kEndless = std::numeric_limits<uint64_t>::max();
constexpr size_t kBufferBytes = 1 << 20;
constexpr auto kPace = std::chrono::milliseconds(2);  // how often due lines are sent under --rate

std::atomic<bool> stop_asked = false;

struct GenOptions {
  StreamOptions stream;
  uint64_t events = kEventsDefault;
  uint64_t first = 0;
  double rate = 0;  // lines a second, 0: as fast as it goes
  bool live = false;
  bool events_given = false;
  bool seed_given = false;
  bool progress = false;
  std::string start = "2021-01-01T00:00:00Z";
  std::string span = "24h";
  std::string late_spread = "2h";
  std::string resolution = "ms";
  std::string output;
  std::string to;
};

// Where lines go.
class LineSink {
 public:
  virtual ~LineSink() = default;
  virtual Status Write(std::string_view lines) = 0;
};

class FileSink : public LineSink {
 public:
  ~FileSink() override {
    if (owned_) close(fd_);
  }
  Status Open(const std::string& path) {
    name_ = path;
    fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    owned_ = fd_ >= 0;
    return owned_ ? Status::Ok() : Error();
  }
  Status Write(std::string_view lines) override {
    while (!lines.empty()) {
      ssize_t written = write(fd_, lines.data(), lines.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Error();
      lines.remove_prefix(static_cast<size_t>(written));
    }
    return Status::Ok();
  }

 private:
  Status Error() const { return Status::Io(name_ + ": " + std::strerror(errno)); }

  int fd_ = STDOUT_FILENO;
  bool owned_ = false;
  std::string name_ = "standard output";
};

class SocketSink : public LineSink {
 public:
  explicit SocketSink(LineClient* client) : client_(client) {}
  Status Write(std::string_view lines) override { return client_->Send(lines); }

 private:
  LineClient* client_;
};

struct Sent {
  uint64_t lines = 0;
  uint64_t bytes = 0;
  double seconds = 0;
};

Status CompleteOptions(GenOptions* options) {
  StreamOptions& stream = options->stream;
  if (options->live && options->rate <= 0) return Status::Invalid("--live needs a --rate");
  if (options->live && !options->events_given) options->events = kEndless;
  // Live streams must differ from run to run: equal ids would be duplicates of the run before.
  if (options->live && !options->seed_given) stream.seed = static_cast<uint64_t>(SystemNowNs());
  if (!options->output.empty() && !options->to.empty())
    return Status::Invalid("--output and --to exclude each other");
  if (options->first > options->events) return Status::Invalid("--first lies beyond --events");
  auto spread = DurationOption("--late-spread", options->late_spread, 0);
  if (!spread.ok()) return spread.status();
  stream.late_spread_ns = *spread;
  auto resolution = UnitOption("--resolution", options->resolution);
  if (!resolution.ok()) return resolution.status();
  stream.resolution_ns = *resolution;
  if (options->live) {
    stream.start_ns = SystemNowNs();
    stream.interval_ns = static_cast<double>(kNsPerSecond) / options->rate;
    return StreamGenerator::Check(stream);
  }
  auto start = TimeOption("--start", options->start);
  if (!start.ok()) return start.status();
  auto span = DurationOption("--span", options->span, 0);
  if (!span.ok()) return span.status();
  stream.start_ns = *start;
  stream.interval_ns =
      options->events == 0 ? 0 : static_cast<double>(*span) / static_cast<double>(options->events);
  return StreamGenerator::Check(stream);
}

Status WriteStream(const GenOptions& options, const StreamGenerator& stream, LineSink* sink, Sent* sent) {
  std::vector<char> buffer(kBufferBytes);
  Progress progress(options.progress);
  uint64_t next = options.first;
  uint64_t total = options.events == kEndless ? 0 : options.events - options.first;
  while (next < options.events && !stop_asked.load()) {
    uint64_t end = options.events;
    if (options.rate > 0) {
      auto due = static_cast<uint64_t>(progress.Seconds() * options.rate);
      end = std::min(end, options.first + due);
      if (next >= end) {
        std::this_thread::sleep_for(kPace);
        continue;
      }
    }
    char* written = stream.WriteLines(&next, end, buffer.data(), buffer.data() + buffer.size());
    auto size = static_cast<size_t>(written - buffer.data());
    if (Status s = sink->Write({buffer.data(), size}); !s.ok()) return s;
    sent->bytes += size;
    sent->lines = next - options.first;
    if (progress.Due()) progress.Show(ProgressText(sent->lines, total, "lines", progress.Seconds()));
  }
  sent->seconds = progress.Seconds();
  return Status::Ok();
}

Status GenerateToServer(const GenOptions& options, const StreamGenerator& stream) {
  auto address = ParseHostPort(options.to);
  if (!address.ok()) return address.status().WithContext("--to");
  auto client = LineClient::Connect(*address);
  if (!client.ok()) return client.status();
  SocketSink sink(client->get());
  Sent sent;
  Progress whole(false);
  if (Status s = WriteStream(options, stream, &sink, &sent); !s.ok()) return s;
  auto counts = (*client)->Sync("gen");
  if (!counts.ok()) return counts.status();
  std::printf(
      "{\"sent\":%llu,\"accepted\":%llu,\"duplicates\":%llu,\"rejected\":%llu,\"seconds\":%.3f,\"seed\":%llu}"
      "\n",
      static_cast<unsigned long long>(sent.lines), static_cast<unsigned long long>(counts->accepted),
      static_cast<unsigned long long>(counts->duplicates), static_cast<unsigned long long>(counts->rejected),
      whole.Seconds(), static_cast<unsigned long long>(options.stream.seed));
  return Status::Ok();
}

Status GenerateToFile(const GenOptions& options, const StreamGenerator& stream) {
  FileSink sink;
  if (!options.output.empty()) {
    if (Status s = sink.Open(options.output); !s.ok()) return s;
  }
  Sent sent;
  if (Status s = WriteStream(options, stream, &sink, &sent); !s.ok()) return s;
  if (options.output.empty()) return Status::Ok();
  std::printf("{\"lines\":%llu,\"bytes\":%llu,\"seconds\":%.3f,\"seed\":%llu}\n",
              static_cast<unsigned long long>(sent.lines), static_cast<unsigned long long>(sent.bytes),
              sent.seconds, static_cast<unsigned long long>(options.stream.seed));
  return Status::Ok();
}

int RunGen(GenOptions options) {
  if (Status s = CompleteOptions(&options); !s.ok()) return Fail(s);
  // An interrupted stream still ends with whole lines and its #sync.
  std::signal(SIGINT, [](int) { stop_asked = true; });
  std::signal(SIGTERM, [](int) { stop_asked = true; });
  std::signal(SIGPIPE, SIG_IGN);
  StreamGenerator stream(options.stream);
  Status s = options.to.empty() ? GenerateToFile(options, stream) : GenerateToServer(options, stream);
  return s.ok() ? 0 : Fail(s);
}

void AddStreamOptions(CLI::App* command, StreamOptions* stream) {
  command->add_option("--ads", stream->ads, "How many ads there are")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--zipf", stream->zipf, "Exponent of the ads' popularity; 0: all alike")
      ->capture_default_str();
  command->add_option("--users", stream->users, "How many users there are")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--duplicates", stream->duplicates, "Share of lines that repeat an earlier one")
      ->capture_default_str();
  command->add_option("--late", stream->late, "Share of events with a time before their place")
      ->capture_default_str();
  command->add_option("--bad-lines", stream->bad_lines, "Share of lines that must be rejected")
      ->capture_default_str();
  command->add_option("--impressions", stream->impressions, "Share of impressions among the events")
      ->capture_default_str();
  command->add_option("--conversions", stream->conversions, "Share of conversions; the rest are clicks")
      ->capture_default_str();
}

}  // namespace

void AddGenCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand("gen", "Write a realistic stream of events as line protocol");
  auto options = std::make_shared<GenOptions>();
  AddStreamOptions(command, &options->stream);
  CLI::Option* events = command
                            ->add_option("--events", options->events,
                                         "How many lines; --live without it goes on until interrupted")
                            ->check(CLI::NonNegativeNumber)
                            ->capture_default_str();
  command->add_option("--first", options->first, "Begin with this line of the stream (to send a part again)")
      ->check(CLI::NonNegativeNumber);
  CLI::Option* seed = command
                          ->add_option("--seed", options->stream.seed,
                                       "Same seed, same stream; --live takes the clock without it")
                          ->capture_default_str();
  command->add_option("--start", options->start, "Event time of the first line")->capture_default_str();
  command->add_option("--span", options->span, "Event time from the first line to the last")
      ->capture_default_str();
  command->add_option("--late-spread", options->late_spread, "How late at most")->capture_default_str();
  command->add_option("--resolution", options->resolution, "Unit the times are multiples of")
      ->capture_default_str();
  command->add_flag("--live", options->live, "Event times are now; needs --rate");
  command->add_option("--rate", options->rate, "Lines a second; 0: as fast as it goes")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--output", options->output, "Write to this file instead of stdout");
  command->add_option("--to", options->to, "Send to this server's ingest port (HOST:PORT), then #sync");
  command->add_flag("--progress", options->progress, "Show progress on stderr also when it is no terminal");
  command->footer(
      "Clicks only, unless --impressions or --conversions say otherwise.\n"
      "With --to the last line on stdout is the server's count as JSON.\n\n"
      "Examples:\n"
      "  tally gen --events 20000000 --ads 1000000 --to 127.0.0.1:9009\n"
      "  tally gen --live --rate 10000 --to 127.0.0.1:9009");
  command->callback([=] {
    options->events_given = events->count() > 0;
    options->seed_given = seed->count() > 0;
    *exit_code = RunGen(*options);
  });
}

}  // namespace tallymark
