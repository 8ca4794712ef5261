#include "bench/report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "bench/fail.h"

namespace tallymark::bench {
namespace {

// Enough digits to compare by, none to be lost in.
std::string Number(double value) {
  char text[64];
  const double size = std::fabs(value);
  const int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  std::string digits = text;
  if (decimals == 0) {
    for (int at = static_cast<int>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3) {
      digits.insert(static_cast<size_t>(at), ",");
    }
  }
  return digits;
}

boost::json::object ToJson(const Figures& figures) {
  boost::json::object object;
  for (const Figure& figure : figures) object[figure.key] = figure.value;
  return object;
}

boost::json::object ToJson(const Calibration& calibration) {
  return {{"memcpy_bytes_per_s", calibration.memcpy_bytes_per_s},
          {"lz4_bytes_per_s", calibration.lz4_bytes_per_s},
          {"sha256_bytes_per_s", calibration.sha256_bytes_per_s},
          {"fdatasync_s", calibration.fdatasync_s},
          {"write_bytes_per_s", calibration.write_bytes_per_s}};
}

}  // namespace

double Quantile(std::vector<double>* samples, double p) {
  std::sort(samples->begin(), samples->end());
  auto rank = static_cast<size_t>(std::ceil(p * static_cast<double>(samples->size())));
  return (*samples)[rank == 0 ? 0 : rank - 1];
}

Figures Medians(const std::vector<Figures>& runs) {
  Figures medians = runs.front();
  for (size_t i = 0; i < medians.size(); ++i) {
    std::vector<double> values;
    std::vector<double> ratios;
    for (const Figures& run : runs) {
      values.push_back(run[i].value);
      ratios.push_back(run[i].ratio);
    }
    medians[i].value = Quantile(&values, 0.5);
    medians[i].ratio = Quantile(&ratios, 0.5);
  }
  return medians;
}

void PrintTable(const std::string& title, const Figures& figures, const Calibration& calibration) {
  std::printf("\n%s\n\n| what | value | unit | ratio to this machine |\n|---|---:|---|---|\n", title.c_str());
  for (const Figure& figure : figures) {
    std::string ratio;
    if (!figure.ratio_of.empty()) ratio = Number(figure.ratio) + " x " + figure.ratio_of;
    std::printf("| %s | %s | %s | %s |\n", figure.label.c_str(), Number(figure.value).c_str(),
                figure.unit.c_str(), ratio.c_str());
  }
  std::printf(
      "\nCalibration: memcpy %s GB/s, LZ4 %s MB/s, SHA-256 %s MB/s (one core each), fdatasync %s ms,"
      " sequential write %s MB/s.\n",
      Number(calibration.memcpy_bytes_per_s / 1e9).c_str(), Number(calibration.lz4_bytes_per_s / 1e6).c_str(),
      Number(calibration.sha256_bytes_per_s / 1e6).c_str(), Number(calibration.fdatasync_s * 1e3).c_str(),
      Number(calibration.write_bytes_per_s / 1e6).c_str());
  std::fflush(stdout);
}

void WriteJson(const std::filesystem::path& file, const std::string& title, const std::vector<Figures>& runs,
               const Calibration& calibration) {
  const Figures medians = Medians(runs);
  boost::json::array each;
  for (const Figures& run : runs) each.push_back(ToJson(run));
  boost::json::object ratios;
  for (const Figure& figure : medians) {
    if (!figure.ratio_of.empty()) ratios[figure.key] = figure.ratio;
  }
  boost::json::object document = {{"title", title},
                                  {"runs", std::move(each)},
                                  {"median", ToJson(medians)},
                                  {"ratio", std::move(ratios)},
                                  {"calibration", ToJson(calibration)}};
  std::ofstream out(file);
  out << boost::json::serialize(document) << '\n';
  if (!out.flush()) Fail("cannot write " + file.string());
}

}  // namespace tallymark::bench
