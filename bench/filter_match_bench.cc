// What it costs to find the filters an event matches: 0 to 1,000 filters, most by country, network or
// user, and the same with every event matching one of them.

#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "engine/filter_matcher.h"
#include "format/event_parser.h"

namespace tallymark {
namespace {

constexpr int kEvents = 50'000;

EventChunk Events() {
  std::mt19937_64 random(1);
  EventChunk chunk;
  for (int i = 0; i < kEvents; ++i) {
    chunk.text += "click,ad_id=ad" + std::to_string(random() % 100'000) + ",country=C" +
                  std::to_string(random() % 250) + ",os=" + std::to_string(random() % 40) + " event_id=\"" +
                  std::to_string(random()) + "\",user_id=\"u" + std::to_string(random() % 1'000'000) +
                  "\",ip=\"" + std::to_string(random() % 224) + "." + std::to_string(random() % 256) + "." +
                  std::to_string(random() % 256) + "." + std::to_string(random() % 256) +
                  "\" 1609459200000000000\n";
  }
  EventParser parser;
  ParseReport report;
  parser.Parse(EventParseOptions{}, false, &chunk, &report);
  return chunk;
}

void Add(FilterDefinition* definition, const std::string& attribute, const std::string& text) {
  if (!AddPattern(attribute, {text}, false, definition).ok()) std::abort();
}

// A third by country, a third by network, a third by user, every fourth of them with one more pattern.
std::vector<FilterSet::Member> Filters(int64_t count) {
  std::mt19937_64 random(2);
  std::vector<FilterSet::Member> members;
  for (int64_t i = 0; i < count; ++i) {
    FilterSet::Member& member = members.emplace_back();
    member.number = static_cast<uint32_t>(i + 1);
    if (i % 3 == 0) Add(&member.definition, "country", "C" + std::to_string(random() % 250));
    if (i % 3 == 1) {
      Add(&member.definition, "ip",
          std::to_string(random() % 224) + "." + std::to_string(random() % 256) + ".0.0/16");
    }
    if (i % 3 == 2) Add(&member.definition, "user_id", "u" + std::to_string(random() % 1'000'000));
    if (i % 4 == 3) Add(&member.definition, "os", "!" + std::to_string(random() % 40));
  }
  return members;
}

void MatchAll(benchmark::State& state, const FilterSet& set) {
  const EventChunk chunk = Events();
  FilterMatcher matcher;
  std::vector<uint32_t> places;
  uint64_t matches = 0;
  for (auto _ : state) {
    for (const Event& event : chunk.events) {
      places.clear();
      matcher.Match(set, chunk, event, &places);
      matches += places.size();
    }
  }
  state.SetItemsProcessed(state.iterations() * kEvents);
  state.counters["ns_per_event"] =
      benchmark::Counter(kEvents, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert,
                         benchmark::Counter::kIs1000);
  state.counters["matches_per_event"] =
      static_cast<double>(matches) / static_cast<double>(state.iterations() * kEvents);
}

void MixedFilters(benchmark::State& state) { MatchAll(state, FilterSet(Filters(state.range(0)))); }
BENCHMARK(MixedFilters)->Arg(0)->Arg(10)->Arg(100)->Arg(1000);

void OneThatMatchesAll(benchmark::State& state) {
  FilterDefinition definition;
  Add(&definition, "kind", "click");
  MatchAll(state, FilterSet({{1, 0, definition}}));
}
BENCHMARK(OneThatMatchesAll);

void CompileASet(benchmark::State& state) {
  const std::vector<FilterSet::Member> members = Filters(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(FilterSet(members));
}
BENCHMARK(CompileASet)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tallymark
