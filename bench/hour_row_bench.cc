#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "format/hour_row.h"

namespace tallymark {
namespace {

HourRow RowOf(std::vector<int> minutes, std::vector<Metric> metrics, int amount) {
  HourRow row;
  for (int minute : minutes) {
    MinuteCell cell{.minute = static_cast<uint8_t>(minute), .sums = {}};
    for (Metric metric : metrics) cell.sums[metric] = amount;
    row.totals.Add(cell.sums);
    row.cells.push_back(cell);
  }
  return row;
}

std::string Bytes(const HourRow& row) {
  std::string out;
  EncodeHourRow(row, &out);
  return out;
}

std::vector<int> AllMinutes() {
  std::vector<int> minutes(60);
  for (int i = 0; i < 60; ++i) minutes[i] = i;
  return minutes;
}

void Merge(benchmark::State& state, const std::string& a, const std::string& b) {
  std::string_view operands[] = {a, b};
  std::string out;
  for (auto _ : state) {
    out.clear();
    MergeHourRows(operands, &out);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["bytes_a"] = static_cast<double>(a.size());
  state.counters["bytes_out"] = static_cast<double>(out.size());
}

void MergeOneClickEach(benchmark::State& state) {
  Merge(state, Bytes(RowOf({7}, {Metric::kClicks}, 1)), Bytes(RowOf({41}, {Metric::kClicks}, 1)));
}
BENCHMARK(MergeOneClickEach);

void MergeOneClickIntoFullHour(benchmark::State& state) {
  Merge(state, Bytes(RowOf(AllMinutes(), {Metric::kClicks}, 9)), Bytes(RowOf({41}, {Metric::kClicks}, 1)));
}
BENCHMARK(MergeOneClickIntoFullHour);

void MergeFullHoursOfAllMetrics(benchmark::State& state) {
  std::string row = Bytes(RowOf(
      AllMinutes(), {Metric::kImpressions, Metric::kClicks, Metric::kConversions, Metric::kRevenue}, 1000));
  Merge(state, row, row);
}
BENCHMARK(MergeFullHoursOfAllMetrics);

void Sum(benchmark::State& state, const std::string& row, int first, int end) {
  MetricSums sums;
  for (auto _ : state) {
    if (!SumHourRow(row, first, end, &sums).ok()) state.SkipWithError("not a row");
    benchmark::DoNotOptimize(sums);
  }
  state.counters["bytes"] = static_cast<double>(row.size());
}

void SumWholeHourOfOneClick(benchmark::State& state) {
  Sum(state, Bytes(RowOf({7}, {Metric::kClicks}, 1)), 0, 60);
}
BENCHMARK(SumWholeHourOfOneClick);

void SumWholeHourOfFullRow(benchmark::State& state) {
  Sum(state, Bytes(RowOf(AllMinutes(), {Metric::kImpressions, Metric::kClicks}, 9)), 0, 60);
}
BENCHMARK(SumWholeHourOfFullRow);

void SumHalfHourOfFullRow(benchmark::State& state) {
  Sum(state, Bytes(RowOf(AllMinutes(), {Metric::kImpressions, Metric::kClicks}, 9)), 0, 30);
}
BENCHMARK(SumHalfHourOfFullRow);

void EncodeOneClick(benchmark::State& state) {
  HourRow row = RowOf({7}, {Metric::kClicks}, 1);
  std::string out;
  for (auto _ : state) {
    out.clear();
    EncodeHourRow(row, &out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(EncodeOneClick);

void StripFullHour(benchmark::State& state) {
  std::string row = Bytes(RowOf(AllMinutes(), {Metric::kImpressions, Metric::kClicks}, 9));
  std::string out;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(StripMinutes(row, &out));
  }
}
BENCHMARK(StripFullHour);

}  // namespace
}  // namespace tallymark
