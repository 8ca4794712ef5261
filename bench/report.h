#ifndef TALLYMARK_BENCH_REPORT_H_
#define TALLYMARK_BENCH_REPORT_H_

#include <filesystem>
#include <string>
#include <vector>

#include "bench/calibrate.h"

namespace tallymark::bench {

// One measured number.
struct Figure {
  std::string key;    // stable, snake_case with the unit last; the name in JSON
  std::string label;  // for people
  double value = 0;
  std::string unit;
  // The value against what this machine does (see Calibration), and what that is; empty: no ratio.
  double ratio = 0;
  std::string ratio_of = {};
};
using Figures = std::vector<Figure>;

// Per key the median over the runs; runs have the same keys in the same order.
Figures Medians(const std::vector<Figures>& runs);

// The p-th quantile (0..1) of the samples, which are sorted by the call. At least one sample.
double Quantile(std::vector<double>* samples, double p);

// A Markdown table with the calibration below it, on stdout.
void PrintTable(const std::string& title, const Figures& figures, const Calibration& calibration);

// {"title", "runs": [{key: value}], "median": {key: value}, "ratio": {key: value}, "calibration": {}}.
// Ends the program when the file cannot be written.
void WriteJson(const std::filesystem::path& file, const std::string& title, const std::vector<Figures>& runs,
               const Calibration& calibration);

}  // namespace tallymark::bench

#endif  // TALLYMARK_BENCH_REPORT_H_
