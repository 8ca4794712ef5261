#include "server/prometheus_text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tallymark {
namespace {

TEST(PrometheusText, AFamilyIsHelpTypeAndSamples) {
  PrometheusText text;
  text.Family("x_total", "counter", "Things \\ seen\nhere.");
  text.Sample({{"kind", "a\"b\\c\nd"}, {"other", "e"}}, uint64_t{7});
  text.Sample({}, 0.25);
  EXPECT_EQ(text.Take(),
            "# HELP x_total Things \\\\ seen\\nhere.\n"
            "# TYPE x_total counter\n"
            "x_total{kind=\"a\\\"b\\\\c\\nd\",other=\"e\"} 7\n"
            "x_total 0.25\n");
}

TEST(PrometheusText, HistogramBucketsAddUp) {
  HistogramSnapshot histogram;
  for (size_t i = 0; i < histogram.upper_bounds.size(); ++i) {
    histogram.upper_bounds[i] = static_cast<double>(i + 1);
    histogram.counts[i] = 1;
  }
  histogram.counts.back() = 5;
  histogram.count = histogram.upper_bounds.size() + 5;
  histogram.sum = 12.5;
  PrometheusText text;
  text.Family("y_seconds", "histogram", "Time.");
  text.Histogram({{"route", "/"}}, histogram);
  std::string written = text.Take();
  EXPECT_NE(written.find("y_seconds_bucket{route=\"/\",le=\"2\"} 2\n"), std::string::npos);
  EXPECT_NE(written.find("y_seconds_bucket{route=\"/\",le=\"+Inf\"} 28\n"), std::string::npos);
  EXPECT_NE(written.find("y_seconds_sum{route=\"/\"} 12.5\n"), std::string::npos);
  EXPECT_NE(written.find("y_seconds_count{route=\"/\"} 28\n"), std::string::npos);
}

TEST(PrometheusText, NumbersThatAreNone) {
  EXPECT_EQ(FormatMetric(INFINITY), "+Inf");
  EXPECT_EQ(FormatMetric(-INFINITY), "-Inf");
  EXPECT_EQ(FormatMetric(std::nan("")), "NaN");
  EXPECT_EQ(FormatMetric(0.025), "0.025");
}

}  // namespace
}  // namespace tallymark
