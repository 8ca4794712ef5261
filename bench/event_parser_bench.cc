// Lines to events: each instruction set and the strict path, on generated lines of a few shapes.
// The counter s/Gline, seconds per 10^9 lines, is nanoseconds a line; identities included.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <random>
#include <string>

#include "format/event_identity.h"
#include "format/event_parser.h"
#include "format/event_slow_path.h"

namespace tallymark {
namespace {

constexpr int kLines = 4096;

std::string Uuid(std::mt19937_64& random) {
  char text[37];
  auto a = random();
  auto b = random();
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx", static_cast<unsigned>(a >> 32),
                static_cast<unsigned>(a >> 16 & 0xFFFF), static_cast<unsigned>(a & 0xFFF),
                static_cast<unsigned>(b >> 48), static_cast<unsigned long long>(b & 0xFFFFFFFFFFFF));
  return text;
}

std::string Ip(std::mt19937_64& random) {
  std::string text;
  for (int i = 0; i < 4; ++i) text.append(i == 0 ? "" : ".").append(std::to_string(random() % 256));
  return text;
}

std::string Common(std::mt19937_64& random) {
  static const char* const kCountries[] = {"USA", "DE", "FR", "BRA", "IN"};
  char ad[16];
  std::snprintf(ad, sizeof ad, "ad%06d", static_cast<int>(random() % 1'000'000));
  return std::string(",ad_id=") + ad + ",country=" + kCountries[random() % 5] + " event_id=\"" +
         Uuid(random) + "\",user_id=\"u" + std::to_string(random() % 10'000'000) + "\",ip=\"" + Ip(random) +
         "\"";
}

// One shape, the most usual one: about 140 bytes.
std::string Clicks(std::mt19937_64& random) { return "click" + Common(random); }

// Impressions, clicks and conversions as a site sends them.
std::string Mixed(std::mt19937_64& random) {
  auto roll = random() % 100;
  if (roll < 80)
    return "impression" + Common(random) + ",banner_id=\"b" + std::to_string(random() % 500) + "\"";
  if (roll < 95) return "click" + Common(random);
  return "conversion" + Common(random) + ",revenue=" + std::to_string(random() % 100) + "." +
         std::to_string(random() % 100) + ",os=\"linux\"";
}

// A value with an escape sends every line to the strict path.
std::string Escaped(std::mt19937_64& random) { return "click,city=New\\ York" + Common(random); }

std::string Generate(std::string (*line)(std::mt19937_64&)) {
  std::mt19937_64 random(7);
  std::string text;
  for (int i = 0; i < kLines; ++i) {
    text += line(random) + " " +
            std::to_string(1609459201000000000 + static_cast<int64_t>(random() % 1000000000000)) + "\n";
  }
  return text;
}

double BillionLines(const benchmark::State& state) {
  return static_cast<double>(state.iterations()) * kLines / 1e9;
}

// The chunk is used again and again, as the server's pools do: the first touch of fresh memory
// would cost more than the parsing.
template <class ParseFunction>
void Run(benchmark::State& state, const std::string& text, ParseFunction parse) {
  EventChunk chunk;
  chunk.text = text;
  for (auto _ : state) {
    chunk.text.resize(text.size());  // cuts off what was appended
    chunk.events.clear();
    chunk.extras.clear();
    chunk.segments.clear();
    ParseReport report;
    parse(&chunk, &report);
    if (chunk.events.size() != kLines) state.SkipWithError("lines were rejected");
  }
  state.counters["s/Gline"] =
      benchmark::Counter(BillionLines(state), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

void BM_Parse(benchmark::State& state, EventParser::Isa isa, std::string (*line)(std::mt19937_64&)) {
  EventParser parser(isa);
  Run(state, Generate(line),
      [&](EventChunk* chunk, ParseReport* report) { parser.Parse({}, false, chunk, report); });
}

void BM_ParseStrict(benchmark::State& state, std::string (*line)(std::mt19937_64&)) {
  Run(state, Generate(line),
      [](EventChunk* chunk, ParseReport* report) { ParseEventsSlowly({}, false, chunk, report); });
}

void BM_Identity(benchmark::State& state) {
  EventChunk chunk;
  chunk.text = Generate(Clicks);
  ParseReport report;
  EventParser().Parse({}, false, &chunk, &report);
  for (auto _ : state) {
    for (Event& event : chunk.events) ComputeIdentity(chunk, event);
    benchmark::DoNotOptimize(chunk.events.data());
  }
  state.counters["s/Gline"] =
      benchmark::Counter(BillionLines(state), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(BM_Parse, avx2_clicks, EventParser::Isa::kAvx2, Clicks);
BENCHMARK_CAPTURE(BM_Parse, baseline_clicks, EventParser::Isa::kBaseline, Clicks);
BENCHMARK_CAPTURE(BM_ParseStrict, clicks, Clicks);
BENCHMARK_CAPTURE(BM_Parse, avx2_mixed, EventParser::Isa::kAvx2, Mixed);
BENCHMARK_CAPTURE(BM_Parse, baseline_mixed, EventParser::Isa::kBaseline, Mixed);
BENCHMARK_CAPTURE(BM_ParseStrict, mixed, Mixed);
BENCHMARK_CAPTURE(BM_Parse, avx2_escaped, EventParser::Isa::kAvx2, Escaped);
BENCHMARK(BM_Identity);

}  // namespace
}  // namespace tallymark
