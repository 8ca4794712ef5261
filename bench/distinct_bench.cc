// What distinct people cost an event: making a batch's run (an encoder's work), appending it (the
// committer's), and folding a checkpoint's runs into rows (the upkeep thread's); and reading.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "engine/distinct_run.h"
#include "engine/distinct_view.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

constexpr double kAds = 1'000'000;
constexpr uint64_t kUsers = 1'000'000;
constexpr size_t kBatch = 16'384;
constexpr int64_t kStartNs = 1'609'459'200 * kNsPerSecond;

// A batch of a stream: Zipf over the ads, users and addresses at random, 2 % up to two hours late;
// rows by (hour, ad), as the encoder leaves them.
struct Made {
  explicit Made(std::mt19937_64& random) {
    std::uniform_real_distribution<double> uniform;
    for (size_t i = 0; i < kBatch; ++i) {
      const uint64_t draw = random();
      int64_t time_ns = kStartNs + kNsPerHour / 2;
      if (draw % 50 == 0) time_ns -= static_cast<int64_t>(random() % static_cast<uint64_t>(2 * kNsPerHour));
      const std::string user = "u" + std::to_string(random() % kUsers);
      const std::string ip = std::to_string(draw >> 8 & 255) + "." + std::to_string(draw >> 16 & 255) + "." +
                             std::to_string(draw >> 24 & 255) + "." + std::to_string(draw >> 32 & 255);
      // The density of an exponent of 1.1.
      const double reach = 1 - std::pow(kAds, -0.1);
      const auto ad = static_cast<uint32_t>(std::pow(1 - uniform(random) * reach, -10)) - 1;
      rows.push_back({ad, HourOf(time_ns), UserElement(user), AddressElement(ip)});
    }
    std::sort(rows.begin(), rows.end(), [](const PeopleRow& a, const PeopleRow& b) {
      return a.hour != b.hour ? a.hour < b.hour : a.ad < b.ad;
    });
  }

  std::vector<PeopleRow> rows;
};

// A view on a database of its own.
class View {
 public:
  View() {
    std::string path = std::filesystem::temp_directory_path() / "distinct-bench-XXXXXX";
    directory_ = mkdtemp(path.data());
    StorageOptions options;
    options.data_dir = directory_;
    auto retention = std::make_shared<RetentionPositions>();
    auto storage = Storage::Open(options, retention);
    if (!storage.ok()) std::abort();
    storage_ = std::move(storage).value();
    view_ = std::make_unique<DistinctView>(storage_.get(), retention, true);
    if (!view_->Load(LogState()).ok()) std::abort();
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View() {
    view_.reset();
    storage_.reset();
    std::filesystem::remove_all(directory_);
  }
  DistinctView* operator->() { return view_.get(); }
  uint64_t Ingest(const DistinctView::Files& files) {
    uint64_t bytes = 0;
    for (const IngestFile& file : files.files) bytes += std::filesystem::file_size(file.path);
    if (!view_->IngestAndPublish([&] { return storage_->Ingest(files.files); }).ok()) std::abort();
    return bytes;
  }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<DistinctView> view_;
};

// An encoder's work.
void BM_MakeRun(benchmark::State& state) {
  std::mt19937_64 random(1);
  std::vector<std::unique_ptr<Made>> batches;
  for (int i = 0; i < 8; ++i) batches.push_back(std::make_unique<Made>(random));
  DistinctRunBuilder builder(std::make_shared<RunMemory>());
  size_t next = 0;
  for (auto step : state) benchmark::DoNotOptimize(builder.FromRows(batches[next++ % batches.size()]->rows));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}
BENCHMARK(BM_MakeRun)->Unit(benchmark::kMicrosecond);

// The committer's and the upkeep thread's: `range` batches appended, frozen, folded and written.
void BM_Checkpoint(benchmark::State& state) {
  std::mt19937_64 random(1);
  View view;
  DistinctRunBuilder builder(std::make_shared<RunMemory>());
  std::vector<std::shared_ptr<const DistinctRun>> runs;
  for (int64_t i = 0; i < state.range(0); ++i) runs.push_back(builder.FromRows(Made(random).rows));
  uint64_t sequence = 0;
  uint64_t bytes = 0;
  for (auto step : state) {
    for (const auto& run : runs) view->Apply(run);
    if (!view->Freeze(++sequence)) std::abort();
    auto files = view->WriteFiles();
    if (!files.ok()) std::abort();
    bytes += view.Ingest(*files);
  }
  const int64_t events = state.iterations() * state.range(0) * static_cast<int64_t>(kBatch);
  state.counters["bytes_per_event"] = static_cast<double>(bytes) / static_cast<double>(events);
  state.SetItemsProcessed(events);
}
BENCHMARK(BM_Checkpoint)->Arg(64)->Arg(610)->Unit(benchmark::kMillisecond)->Iterations(2);

// One ad's hour while `range` batches are in memory: the most popular ad, and a rare one.
void BM_ReadHour(benchmark::State& state) {
  std::mt19937_64 random(1);
  View view;
  DistinctRunBuilder builder(std::make_shared<RunMemory>());
  for (int64_t i = 0; i < state.range(0); ++i) view->Apply(builder.FromRows(Made(random).rows));
  const auto ad = static_cast<uint32_t>(state.range(1));
  const int32_t hour = HourOf(kStartNs);
  std::vector<DistinctPoint> points;
  for (auto step : state) {
    if (!view->Points(std::span(&ad, 1), {hour, hour + 1}, 1, &points).ok()) std::abort();
  }
  state.counters["users"] = static_cast<double>(points[0].users.count);
}
BENCHMARK(BM_ReadHour)->Args({600, 0})->Args({600, 100'000})->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tallymark
