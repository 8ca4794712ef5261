#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "format/identity_segment.h"

namespace tallymark {
namespace {

constexpr int32_t kDay = 18'628;
constexpr uint64_t kBucket = 0x5EEF;

// Ads by popularity, exponent 1.1, over a million.
uint32_t DrawAd(std::mt19937_64& random) {
  static std::discrete_distribution<uint32_t> zipf = [] {
    std::vector<double> weights(1'000'000);
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = std::pow(static_cast<double>(i + 1), -1.1);
    return std::discrete_distribution<uint32_t>(weights.begin(), weights.end());
  }();
  return zipf(random);
}

// A bucket of a segment as a seal under load writes it: 8M entries of one hour, 1,000 to a batch.
struct Bucket {
  explicit Bucket(const benchmark::State& state)
      : bits(static_cast<int>(state.range(1))), entries(static_cast<size_t>(state.range(0))) {
    std::mt19937_64 random(1);
    for (IdentityEntry& entry : entries) {
      entry.id = {.hi = kBucket << (64 - bits) | random() >> bits, .lo = random()};
      entry.place = {.hour = kDay * 24 + 13,
                     .ad = DrawAd(random),
                     .sequence = 1'000'000 + random() % (1 << 13),
                     .content_check = static_cast<uint16_t>(random())};
    }
    std::ranges::sort(entries, {}, &IdentityEntry::id);
    EncodeIdentityBucket(bits, kDay, entries, &bytes);
  }

  int bits;
  std::vector<IdentityEntry> entries;
  std::string bytes;
};

void Report(benchmark::State& state, const Bucket& bucket) {
  state.counters["bytes"] = static_cast<double>(bucket.bytes.size());
  state.counters["bytes_per_entry"] =
      static_cast<double>(bucket.bytes.size()) / static_cast<double>(bucket.entries.size());
}

// Entries a bucket and bucket bits: 8M entries cut for 256 and for 128 a bucket, and 2M.
void Cuts(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({244, 15})->Args({122, 16})->Args({244, 13});
}

void FindIdentityPresent(benchmark::State& state) {
  const Bucket bucket(state);
  std::vector<IdentityPlace> found;
  std::mt19937_64 random(2);
  for (auto _ : state) {
    found.clear();
    const Hash128& id = bucket.entries[random() % bucket.entries.size()].id;
    if (!FindIdentity(bucket.bytes, bucket.bits, kDay, id, &found).ok() || found.size() != 1) {
      state.SkipWithError("not found");
    }
  }
  Report(state, bucket);
}
BENCHMARK(FindIdentityPresent)->Apply(Cuts);

void FindIdentityAbsent(benchmark::State& state) {
  const Bucket bucket(state);
  std::vector<IdentityPlace> found;
  std::mt19937_64 random(2);
  for (auto _ : state) {
    const Hash128 id{.hi = kBucket << (64 - bucket.bits) | random() >> bucket.bits, .lo = 0};
    if (!FindIdentity(bucket.bytes, bucket.bits, kDay, id, &found).ok() || !found.empty()) {
      state.SkipWithError("found");
    }
  }
}
BENCHMARK(FindIdentityAbsent)->Apply(Cuts);

void EncodeBucket(benchmark::State& state) {
  const Bucket bucket(state);
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    EncodeIdentityBucket(bucket.bits, kDay, bucket.entries, &bytes);
  }
  Report(state, bucket);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(EncodeBucket)->Apply(Cuts);

void DecodeBucket(benchmark::State& state) {
  const Bucket bucket(state);
  std::vector<IdentityEntry> entries;
  const auto number = static_cast<uint32_t>(kBucket & ((uint64_t{1} << bucket.bits) - 1));
  for (auto _ : state) {
    entries.clear();
    if (!DecodeIdentityBucket(bucket.bytes, bucket.bits, kDay, number, &entries).ok())
      state.SkipWithError("corrupt");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(DecodeBucket)->Apply(Cuts);

}  // namespace
}  // namespace tallymark
