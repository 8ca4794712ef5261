#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "format/top_chunk.h"

namespace tallymark {
namespace {

constexpr uint32_t kAds = 1'000'000;

// The counts `events` Zipf-distributed events leave on kAds ads, numbered by popularity: ads are
// numbered as they are first seen, which is nearly that.
std::vector<TopPair> ZipfPairs(int64_t events) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform;
  std::vector<int64_t> totals(kAds);
  double log_ads = std::log(static_cast<double>(kAds));
  for (int64_t i = 0; i < events; ++i) {
    auto ad = static_cast<uint32_t>(std::exp(uniform(random) * log_ads));
    ++totals[ad - 1];
  }
  std::vector<TopPair> pairs;
  for (uint32_t ad = 0; ad < kAds; ++ad) {
    if (totals[ad] > 0) pairs.push_back({.ad = ad, .amount = totals[ad]});
  }
  return pairs;
}

std::vector<std::string> Chunks(std::span<const TopPair> pairs) {
  std::vector<std::string> chunks;
  for (; !pairs.empty(); pairs = pairs.subspan(std::min(pairs.size(), kTopChunkPairsMax))) {
    EncodeTopChunk(pairs.first(std::min(pairs.size(), kTopChunkPairsMax)), &chunks.emplace_back());
  }
  return chunks;
}

void Count(benchmark::State& state, size_t pairs, const std::vector<std::string>& chunks) {
  size_t bytes = 0;
  for (const std::string& chunk : chunks) bytes += chunk.size();
  state.counters["pairs"] = static_cast<double>(pairs);
  state.counters["bytes_per_pair"] = static_cast<double>(bytes) / static_cast<double>(pairs);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(pairs));
}

void AddZipf(benchmark::State& state) {
  std::vector<TopPair> pairs = ZipfPairs(state.range(0));
  std::vector<std::string> chunks = Chunks(pairs);
  std::vector<int64_t> totals(kAds);
  for (auto _ : state) {
    for (const std::string& chunk : chunks) {
      if (!AddTopChunk(chunk, totals).ok()) state.SkipWithError("corrupt");
    }
  }
  Count(state, pairs.size(), chunks);
}
BENCHMARK(AddZipf)->Arg(10'000)->Arg(100'000)->Arg(600'000)->Arg(10'000'000);

void EncodeZipf(benchmark::State& state) {
  std::vector<TopPair> pairs = ZipfPairs(state.range(0));
  std::vector<std::string> chunks;
  for (auto _ : state) chunks = Chunks(pairs);
  Count(state, pairs.size(), chunks);
}
BENCHMARK(EncodeZipf)->Arg(600'000);

}  // namespace
}  // namespace tallymark
