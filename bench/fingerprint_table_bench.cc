// The table in front of duplicates: what an entry costs as it grows, in time and memory.
#include <benchmark/benchmark.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "engine/fingerprint_table.h"
#include "format/prefetch.h"

namespace tallymark {
namespace {

constexpr uint64_t kBatch = 16'384;

std::vector<Hash128> Ids(uint64_t first) {
  std::vector<Hash128> ids(kBatch);
  for (uint64_t i = 0; i < kBatch; ++i) {
    const uint64_t number = first + i;
    ids[i] = {XXH3_64bits(&number, sizeof(number)), number};
  }
  return ids;
}

// As the sequencer does: directories a group ahead of buckets.
template <class Visit>
void ForEach(const FingerprintTable& table, std::span<const Hash128> ids, Visit&& visit) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i % kPrefetchGroup == 0) {
      for (const Hash128& id : PrefetchGroup(ids, i, 0)) table.Prefetch(id);
      for (const Hash128& id : PrefetchGroup(ids, i, 1)) table.PrefetchDirectory(id);
    }
    visit(ids[i]);
  }
}

void Insert(FingerprintTable* table, std::span<const Hash128> ids) {
  ForEach(*table, ids, [&](const Hash128& id) {
    if (!table->Insert(id, 1)) std::abort();
  });
}

// An empty table until it has `range` entries. Bytes are per entry: at the end, and the most that it was
// in the last half.
void BM_Fill(benchmark::State& state) {
  const auto count = static_cast<uint64_t>(state.range(0));
  for (auto step : state) {
    PiecePool pool(FingerprintTable::kPieceBytes);
    FingerprintTable table(&pool);
    double most = 0;
    for (uint64_t in = 0; in < count; in += kBatch) {
      state.PauseTiming();
      const std::vector<Hash128> ids = Ids(in);
      state.ResumeTiming();
      Insert(&table, ids);
      const auto bytes = static_cast<double>(table.bytes()) / static_cast<double>(in + kBatch);
      if (in > count / 2) most = std::max(most, bytes);
      state.counters["bytes"] = bytes;
    }
    state.counters["most_bytes"] = most;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(count));
}
BENCHMARK(BM_Fill)
    ->Arg(400'000)
    ->Arg(4'000'000)
    ->Arg(32'000'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// Identities that are not in a table of `range` others.
void BM_FindStranger(benchmark::State& state) {
  PiecePool pool(FingerprintTable::kPieceBytes);
  FingerprintTable table(&pool);
  const auto count = static_cast<uint64_t>(state.range(0));
  for (uint64_t in = 0; in < count; in += kBatch) Insert(&table, Ids(in));
  uint64_t next = count + kBatch;
  uint64_t hits = 0;
  for (auto step : state) {
    state.PauseTiming();
    const std::vector<Hash128> ids = Ids(next += kBatch);
    state.ResumeTiming();
    ForEach(table, ids, [&](const Hash128& id) { table.Find(id, [&](uint8_t) { ++hits; }); });
  }
  const auto asked = static_cast<double>(state.iterations()) * kBatch;
  state.counters["taken_for_known"] = static_cast<double>(hits) / asked;
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}
BENCHMARK(BM_FindStranger)->Arg(400'000)->Arg(32'000'000)->Iterations(200)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tallymark
