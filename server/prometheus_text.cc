#include "server/prometheus_text.h"

#include <charconv>
#include <cmath>

namespace tallymark {
namespace {

void AppendEscaped(std::string_view text, bool quotes, std::string* out) {
  for (char c : text) {
    if (c == '\n') {
      *out += "\\n";
    } else if (c == '\\' || (quotes && c == '"')) {
      out->push_back('\\');
      out->push_back(c);
    } else {
      out->push_back(c);
    }
  }
}

}  // namespace

std::string FormatMetric(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char digits[32];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return {digits, end};
}

void PrometheusText::Family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ");
  AppendEscaped(help, /*quotes=*/false, &text_);
  text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void PrometheusText::Sample(Labels labels, uint64_t value) { Line("", labels, "", std::to_string(value)); }
void PrometheusText::Sample(Labels labels, int64_t value) { Line("", labels, "", std::to_string(value)); }
void PrometheusText::Sample(Labels labels, double value) { Line("", labels, "", FormatMetric(value)); }

void PrometheusText::Histogram(Labels labels, const HistogramSnapshot& histogram) {
  uint64_t below = 0;
  for (size_t i = 0; i < histogram.upper_bounds.size(); ++i) {
    below += histogram.counts[i];
    Line("_bucket", labels, FormatMetric(histogram.upper_bounds[i]), std::to_string(below));
  }
  below += histogram.counts.back();
  Line("_bucket", labels, "+Inf", std::to_string(below));
  Line("_sum", labels, "", FormatMetric(histogram.sum));
  Line("_count", labels, "", std::to_string(below));
}

void PrometheusText::Line(std::string_view suffix, Labels labels, std::string_view bound,
                          std::string_view value) {
  text_.append(name_).append(suffix);
  char separator = '{';
  auto append = [&](std::string_view name, std::string_view label) {
    text_.push_back(separator);
    text_.append(name).append("=\"");
    AppendEscaped(label, /*quotes=*/true, &text_);
    text_.push_back('"');
    separator = ',';
  };
  for (const auto& [name, label] : labels) append(name, label);
  if (!bound.empty()) append("le", bound);
  if (separator == ',') text_.push_back('}');
  text_.append(" ").append(value).append("\n");
}

}  // namespace tallymark
