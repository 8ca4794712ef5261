// What it costs to join a conversion to its click, for clicks of today, of last week and of 90 days ago,
// for a click of the same chunk, and for one that is not there: 91 days of clicks lie on disk, sealed and
// repacked, and the engine was opened anew and has its filters. An item is a conversion, its commit included;
// the plain conversion with an ad of its own is what the others are to be held against.

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "engine/engine.h"
#include "format/event_parser.h"

namespace tallymark {
namespace {

constexpr int kDays = 91;
constexpr int kClicksPerDay = 20'000;
constexpr int kConversionsPerChunk = 500;
constexpr int64_t kToday = 1'700'000'000LL * kNsPerSecond / kNsPerDay * kNsPerDay;

void Require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "conversion_join_bench: %s\n", status.message().c_str());
  std::abort();
}

class JoinEngine {
 public:
  JoinEngine() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tallymark-join-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    options_.data_dir = pattern;
    options_.memory_bytes = 1 << 30;
    Open();
    for (int day = 0; day < kDays; ++day) AppendClicks(day);
    Require(engine_->CompactAll(true));
    engine_.reset();
    Open();
    LoadFilters();
  }
  ~JoinEngine() {
    engine_.reset();
    std::filesystem::remove_all(options_.data_dir);
  }

  void Append(std::string lines) {
    auto chunk = std::make_shared<EventChunk>();
    chunk->text = std::move(lines);
    EventParser parser;
    ParseReport report;
    parser.Parse(EventParseOptions{}, false, chunk.get(), &report);
    std::promise<Status> done;
    engine_->Append(chunk, [&done](const Status& status, auto) { done.set_value(status); });
    Require(done.get_future().get());
  }
  static std::string ClickId(int day, int number) {
    return std::to_string(day) + "-" + std::to_string(number);
  }
  static std::string Click(int day, int number) {
    return "click,ad_id=ad" + std::to_string(number % 1000) + ",country=DE,campaign_id=7 event_id=\"" +
           ClickId(day, number) + "\",user_id=\"u" + std::to_string(number) + "\" " +
           std::to_string(kToday - day * kNsPerDay + number * kNsPerSecond) + "\n";
  }
  std::string Conversion(const std::string& source) {
    return "conversion " + source + ",event_id=\"v" + std::to_string(next_++) + "\",revenue=1.5 " +
           std::to_string(kToday) + "\n";
  }
  Engine& engine() { return *engine_; }

 private:
  void Open() {
    Result<std::unique_ptr<Engine>> engine = Engine::Open(options_);
    if (!engine.ok()) Require(engine.status());
    engine_ = std::move(*engine);
  }
  // A restarted engine reads the filter of a day when a look-up has asked for it on disk; until then
  // each join asks 91 days there.
  void LoadFilters() {
    for (int i = 0; i < 10; ++i) {
      std::string lines;
      for (int k = 0; k < kConversionsPerChunk; ++k) lines += Conversion("click_id=\"none\"");
      Append(std::move(lines));
    }
    while (!engine_->Stats().identity_filters_loaded)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  void AppendClicks(int day) {
    std::string lines;
    for (int i = 0; i < kClicksPerDay; ++i) lines += Click(day, i);
    Append(std::move(lines));
  }

  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  uint64_t next_ = 0;
};

JoinEngine& Shared() {
  static JoinEngine engine;
  return engine;
}

void Run(benchmark::State& state, const std::function<std::string(int)>& lines) {
  int number = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::string text;
    for (int i = 0; i < kConversionsPerChunk; ++i) text += lines(number++);
    state.ResumeTiming();
    Shared().Append(std::move(text));
  }
  state.SetItemsProcessed(state.iterations() * kConversionsPerChunk);
  state.counters["waiting"] = static_cast<double>(Shared().engine().Stats().waiting_conversions);
}

void WithItsOwnAd(benchmark::State& state) {
  Run(state, [](int n) { return Shared().Conversion("ad_id=\"ad" + std::to_string(n % 1000) + "\""); });
}

void ClickOfDaysAgo(benchmark::State& state) {
  const auto day = static_cast<int>(state.range(0));
  Run(state, [day](int n) {
    return Shared().Conversion("click_id=\"" + JoinEngine::ClickId(day, n * 37 % kClicksPerDay) + "\"");
  });
}

void ClickOfTheSameChunk(benchmark::State& state) {
  static int fresh = 1'000'000;
  Run(state, [](int) {
    const int number = fresh++;
    return JoinEngine::Click(0, number % 80'000) +
           Shared().Conversion("click_id=\"" + JoinEngine::ClickId(0, number % 80'000) + "\"");
  });
}

void ClickThatIsNotThere(benchmark::State& state) {
  static int unknown = 0;
  Run(state, [](int) { return Shared().Conversion("click_id=\"x" + std::to_string(unknown++) + "\""); });
}

BENCHMARK(WithItsOwnAd)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ClickOfDaysAgo)->Arg(0)->Arg(7)->Arg(90)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ClickOfTheSameChunk)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ClickThatIsNotThere)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(40);

}  // namespace
}  // namespace tallymark
