#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "format/identity_segment.h"

namespace tallymark {
namespace {

constexpr int32_t kDay = 18'628;
constexpr int kBucketBits = 16;  // as for 16M entries
constexpr uint64_t kBucket = 0xBEEF;

std::vector<IdentityEntry> Entries(size_t count) {
  std::mt19937_64 random(1);
  std::vector<IdentityEntry> entries(count);
  for (IdentityEntry& entry : entries) {
    entry.id = {.hi = kBucket << (64 - kBucketBits) | random() >> kBucketBits, .lo = random()};
    entry.place = {.hour = kDay * 24 + static_cast<int32_t>(random() % 24),
                   .ad = static_cast<uint32_t>(random() % (1 << 20)),
                   .sequence = 1'000'000 + random() % (1 << 12),
                   .content_check = static_cast<uint16_t>(random())};
  }
  std::ranges::sort(entries, {}, &IdentityEntry::id);
  return entries;
}

void Sizes(benchmark::State& state, const std::string& bytes) {
  state.counters["bytes"] = static_cast<double>(bytes.size());
  state.counters["bytes_per_entry"] = static_cast<double>(bytes.size()) / static_cast<double>(state.range(0));
}

void FindIdentityPresent(benchmark::State& state) {
  std::vector<IdentityEntry> entries = Entries(static_cast<size_t>(state.range(0)));
  std::string bytes;
  EncodeIdentityBucket(kBucketBits, kDay, entries, &bytes);
  std::vector<IdentityPlace> found;
  std::mt19937_64 random(2);
  for (auto _ : state) {
    found.clear();
    const Hash128& id = entries[random() % entries.size()].id;
    if (!FindIdentity(bytes, kBucketBits, kDay, id, &found).ok() || found.size() != 1) {
      state.SkipWithError("not found");
    }
  }
  Sizes(state, bytes);
}
BENCHMARK(FindIdentityPresent)->Arg(128)->Arg(192)->Arg(256);

void EncodeBucket(benchmark::State& state) {
  std::vector<IdentityEntry> entries = Entries(static_cast<size_t>(state.range(0)));
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    EncodeIdentityBucket(kBucketBits, kDay, entries, &bytes);
  }
  Sizes(state, bytes);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(EncodeBucket)->Arg(192);

void DecodeBucket(benchmark::State& state) {
  std::string bytes;
  EncodeIdentityBucket(kBucketBits, kDay, Entries(static_cast<size_t>(state.range(0))), &bytes);
  std::vector<IdentityEntry> entries;
  for (auto _ : state) {
    entries.clear();
    if (!DecodeIdentityBucket(bytes, kBucketBits, kDay, kBucket, &entries).ok())
      state.SkipWithError("corrupt");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(DecodeBucket)->Arg(192);

}  // namespace
}  // namespace tallymark
