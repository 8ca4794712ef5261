// Duplicate detection, one event at a time as the sequencer does it: with prefetch over the batch,
// everything in memory (no segment is sealed here; identity_segment_bench has the disk's share).
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "engine/identity_index.h"
#include "engine/storage.h"
#include "format/prefetch.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

constexpr int64_t kStartNs = 1'609'459'200 * kNsPerSecond;

class Index {
 public:
  Index() {
    std::string path = std::filesystem::temp_directory_path() / "dedup-bench-XXXXXX";
    directory_ = mkdtemp(path.data());
    StorageOptions options;
    options.data_dir = directory_;
    auto storage = Storage::Open(options, std::make_shared<RetentionPositions>());
    if (!storage.ok()) std::abort();
    storage_ = std::move(storage).value();
    index_ = std::make_unique<IdentityIndex>(
        storage_.get(), IdentityIndexOptions{.window_ns = kNsPerDay, .filter_bytes_max = 1ULL << 30},
        [](const Hash128&, const IdentityPlace&) {
          return Result<std::vector<int64_t>>(std::vector<int64_t>{});
        });
  }
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;
  ~Index() {
    index_.reset();
    storage_.reset();
    std::filesystem::remove_all(directory_);
  }

  // Settles events [first, first + count) of the fixed stream; returns how many were new.
  int64_t Settle(uint64_t first, uint64_t count) {
    std::vector<Event> batch(count);
    for (uint64_t i = 0; i < count; ++i) batch[i] = EventOf(first + i);
    auto lock = index_->Lock();
    int64_t fresh = 0;
    for (size_t i = 0; i < batch.size(); ++i) {
      if (i % kPrefetchGroup == 0) {
        index_->Prefetch(PrefetchGroup(std::span<const Event>(batch), i, 0));
        index_->PrefetchDirectories(PrefetchGroup(std::span<const Event>(batch), i, 1));
      }
      uint32_t number = 0;
      auto verdict = index_->Settle(batch[i], static_cast<uint32_t>(i), &number);
      if (!verdict.ok()) std::abort();
      fresh += verdict.value() == IdentityIndex::Verdict::kNew;
    }
    return fresh;
  }

 private:
  // Identities are hashes: any good mixing of the number stands for one.
  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 33)) * 0xFF51AFD7ED558CCD;
    z = (z ^ (z >> 33)) * 0xC4CEB9FE1A85EC53;
    return z ^ (z >> 33);
  }
  static Event EventOf(uint64_t i) {
    Event event;
    event.identity = {.hi = Mix(2 * i + 1), .lo = Mix(2 * i + 2)};
    event.time_ns = kStartNs + static_cast<int64_t>(i) * 1000;
    return event;
  }

  std::filesystem::path directory_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<IdentityIndex> index_;
};

constexpr uint64_t kBatch = 16'384;

// Identities never seen, on top of `range` that are in memory.
void BM_SettleNew(benchmark::State& state) {
  Index index;
  auto next = static_cast<uint64_t>(state.range(0));
  for (uint64_t first = 0; first < next; first += kBatch) index.Settle(first, std::min(kBatch, next - first));
  for (auto step : state) {
    if (index.Settle(next, kBatch) != kBatch) state.SkipWithError("a new identity was called a duplicate");
    next += kBatch;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}
BENCHMARK(BM_SettleNew)->Arg(0)->Arg(4'000'000)->Iterations(200)->Unit(benchmark::kMillisecond);

// Identities that are in memory, among `range`.
void BM_SettleDuplicate(benchmark::State& state) {
  Index index;
  const auto known = static_cast<uint64_t>(state.range(0));
  for (uint64_t first = 0; first < known; first += kBatch)
    index.Settle(first, std::min(kBatch, known - first));
  uint64_t at = 0;
  for (auto step : state) {
    if (index.Settle(at, kBatch) != 0) state.SkipWithError("a duplicate was called new");
    at = (at + 7 * kBatch) % (known - kBatch);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}
BENCHMARK(BM_SettleDuplicate)->Arg(4'000'000)->Iterations(200)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tallymark
