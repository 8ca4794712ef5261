// Raw blocks of a realistic stream: speed of encoding and decoding, and bytes an event by column.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "format/event_chunk.h"
#include "format/raw_block.h"
#include "format/raw_block_layout.h"

namespace tallymark {
namespace {

constexpr uint32_t kAds = 1'000'000;
constexpr uint32_t kUsers = 1'000'000;
constexpr uint32_t kCountries = 120;
constexpr int64_t kStartNs = 1'700'000'000'000'000'000;
constexpr int64_t kMsNs = 1'000'000;

// Ranks 0..n-1, rank r with weight 1 / (r + 1).
class Zipf {
 public:
  explicit Zipf(uint32_t n) : sums_(n) {
    double sum = 0;
    for (uint32_t i = 0; i < n; ++i) sums_[i] = sum += 1.0 / (i + 1);
  }
  uint32_t operator()(std::mt19937_64& random) const {
    double at = std::uniform_real_distribution<>(0, sums_.back())(random);
    return static_cast<uint32_t>(std::lower_bound(sums_.begin(), sums_.end(), at) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

// A chunk as the parser leaves it, and its events sorted by ad.
struct Stream {
  EventChunk chunk;
  std::vector<EventRef> rows;
};

void SetText(EventChunk& chunk, Event& event, Field field, const std::string& value) {
  chunk.Set(event, field, chunk.Append(value), value.size());
  chunk.Append(",");
}

std::string RandomUuid(std::mt19937_64& random) {
  char text[40];
  uint64_t high = (random() & ~uint64_t{0xF000}) | 0x4000;
  uint64_t low = (random() >> 2) | uint64_t{1} << 63;
  std::snprintf(text, sizeof text, "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(high >> 32),
                static_cast<unsigned>(high >> 16 & 0xFFFF), static_cast<unsigned>(high & 0xFFFF),
                static_cast<unsigned>(low >> 48), static_cast<unsigned long long>(low & 0xFFFFFFFFFFFF));
  return text;
}

std::string RandomIpv4(std::mt19937_64& random) {
  uint64_t bits = random();
  std::string text = std::to_string(bits & 0xFF);
  for (int i = 1; i < 4; ++i) text.append(1, '.').append(std::to_string(bits >> (8 * i) & 0xFF));
  return text;
}

Event RandomEvent(EventChunk& chunk, const Zipf& countries, size_t position, std::mt19937_64& random) {
  Event event;
  event.time_ns =
      kStartNs + static_cast<int64_t>(position * 4000 / kRawBlockEventsMax + random() % 50) * kMsNs;
  if (random() % 50 == 0) event.time_ns -= static_cast<int64_t>(random() % 600'000) * kMsNs;
  uint64_t draw = random() % 100;
  event.kind = draw == 0 ? EventKind::kConversion : draw < 40 ? EventKind::kClick : EventKind::kImpression;
  chunk.Append("click,country=");
  uint32_t country = countries(random);
  SetText(chunk, event, Field::kCountry,
          {static_cast<char>('A' + country / 26), static_cast<char>('A' + country % 26)});
  SetText(chunk, event, Field::kEventId, RandomUuid(random));
  SetText(chunk, event, Field::kUserId,
          std::string(1, 'u').append(std::to_string(100'000 + random() % kUsers)));
  SetText(chunk, event, Field::kIp, RandomIpv4(random));
  if (event.kind == EventKind::kConversion) {
    SetText(chunk, event, Field::kClickId, RandomUuid(random));
    event.has_revenue = true;
    event.revenue_micros = static_cast<int64_t>(random() % 10'000) * 10'000;
  }
  return event;
}

Stream MakeStream(size_t count) {
  static const Zipf kAdChoice(kAds);
  static const Zipf kCountryChoice(kCountries);
  std::mt19937_64 random(7);
  Stream stream;
  for (size_t i = 0; i < count; ++i)
    stream.chunk.events.push_back(RandomEvent(stream.chunk, kCountryChoice, i, random));
  for (const Event& event : stream.chunk.events)
    stream.rows.push_back({&stream.chunk, &event, kAdChoice(random)});
  std::stable_sort(stream.rows.begin(), stream.rows.end(),
                   [](const EventRef& a, const EventRef& b) { return a.ad < b.ad; });
  return stream;
}

std::string MakeBlock(size_t count) {
  Stream stream = MakeStream(count);
  std::string block;
  RawBlockEncoder().Encode(stream.rows, &block);
  return block;
}

void Report(benchmark::State& state, const std::string& block, size_t events) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(events));
  state.counters["bytes_per_event"] = static_cast<double>(block.size()) / static_cast<double>(events);
}

void ReportColumns(benchmark::State& state, const std::string& block) {
  RawBlockHeader header;
  std::vector<RawColumnView> columns;
  if (!OpenRawBlock(block, &header, &columns).ok())
    return state.SkipWithError("a block of our own is damaged");
  for (const RawColumnView& column : columns) {
    state.counters[column.Name()] = static_cast<double>(column.body.size()) / header.count;
  }
}

void BM_Encode(benchmark::State& state) {
  auto count = static_cast<size_t>(state.range(0));
  Stream stream = MakeStream(count);
  RawBlockEncoder encoder;
  std::string block;
  for (auto _ : state) {
    block.clear();
    encoder.Encode(stream.rows, &block);
    benchmark::DoNotOptimize(block.data());
  }
  Report(state, block, count);
  ReportColumns(state, block);
}
BENCHMARK(BM_Encode)->Arg(64)->Arg(kRawBlockEventsMax);

void BM_Decode(benchmark::State& state) {
  auto count = static_cast<size_t>(state.range(0));
  std::string block = MakeBlock(count);
  EventChunk chunk;
  std::vector<uint32_t> ads;
  for (auto _ : state) {
    chunk.events.clear();
    chunk.extras.clear();
    chunk.text.clear();
    ads.clear();
    if (!DecodeRawBlock(block, nullptr, &chunk, &ads).ok()) return state.SkipWithError("decode failed");
    benchmark::DoNotOptimize(chunk.events.data());
  }
  Report(state, block, count);
}
BENCHMARK(BM_Decode)->Arg(64)->Arg(kRawBlockEventsMax);

void BM_DecodeCountColumns(benchmark::State& state) {
  auto count = static_cast<size_t>(state.range(0));
  std::string block = MakeBlock(count);
  CountColumns columns;
  for (auto _ : state) {
    if (!DecodeCountColumns(block, &columns).ok()) return state.SkipWithError("decode failed");
    benchmark::DoNotOptimize(columns.ads.data());
  }
  Report(state, block, count);
}
BENCHMARK(BM_DecodeCountColumns)->Arg(kRawBlockEventsMax);

// Items are blocks here: what it costs to look into a block for one ad.
void BM_DecodeOneAd(benchmark::State& state) {
  Stream stream = MakeStream(kRawBlockEventsMax);
  std::string block;
  RawBlockEncoder().Encode(stream.rows, &block);
  uint32_t ad = stream.rows[stream.rows.size() / 2].ad;
  EventChunk chunk;
  std::vector<uint32_t> ads;
  for (auto _ : state) {
    chunk.events.clear();
    chunk.text.clear();
    ads.clear();
    if (!DecodeRawBlock(block, &ad, &chunk, &ads).ok()) return state.SkipWithError("decode failed");
    benchmark::DoNotOptimize(chunk.events.data());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["events_of_ad"] = static_cast<double>(ads.size());
}
BENCHMARK(BM_DecodeOneAd);

}  // namespace
}  // namespace tallymark
