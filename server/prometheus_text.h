#ifndef TALLYMARK_SERVER_PROMETHEUS_TEXT_H_
#define TALLYMARK_SERVER_PROMETHEUS_TEXT_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "engine/engine_stats.h"

namespace tallymark {

// Writes Prometheus text format 0.0.4: a family's HELP and TYPE, then its samples.
//
//   text.Family("x_total", "counter", "Things seen.");
//   text.Sample({{"kind", "a"}}, 7);
class PrometheusText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Begins a family; every Sample up to the next one belongs to it. `type`: counter, gauge or
  // histogram.
  void Family(std::string_view name, std::string_view type, std::string_view help);

  void Sample(Labels labels, uint64_t value);
  void Sample(Labels labels, int64_t value);
  void Sample(Labels labels, double value);
  // The cumulative buckets, sum and count of a histogram family.
  void Histogram(Labels labels, const HistogramSnapshot& histogram);

  // A family of one sample without labels.
  template <class Value>
  void Single(std::string_view name, std::string_view type, std::string_view help, Value value) {
    Family(name, type, help);
    Sample({}, value);
  }

  std::string Take() { return std::move(text_); }

 private:
  void Line(std::string_view suffix, Labels labels, std::string_view bound, std::string_view value);

  std::string name_;
  std::string text_;
};

// A number as the format has it: shortest form that reads back the same, "+Inf", "-Inf", "NaN".
std::string FormatMetric(double value);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_PROMETHEUS_TEXT_H_
