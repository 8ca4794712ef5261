#include "server/metric_handlers.h"

#include <algorithm>
#include <array>

#include "format/decimal.h"
#include "format/time_units.h"
#include "server/failure_answers.h"
#include "server/json_text.h"
#include "server/query_args.h"

namespace tallymark {
namespace {

constexpr size_t kPointBytes = 256;

// A ratio for people to look at; the counts beside it are exact.
void AppendCtr(int64_t impressions, int64_t clicks, JsonText* json) {
  json->Raw(R"(,"ctr":)");
  if (impressions == 0) {
    json->Raw("null");
    return;
  }
  char digits[32];
  auto end = std::to_chars(digits, digits + sizeof digits,
                           static_cast<double>(clicks) / static_cast<double>(impressions))
                 .ptr;
  json->Raw({digits, static_cast<size_t>(end - digits)});
}

void AppendDistinct(std::string_view name, const std::optional<DistinctCount>& count, JsonText* json) {
  json->Raw(",\"").Raw(name).Raw("\":");
  if (count) {
    json->Number(count->count);
  } else {
    json->Raw("null");
  }
  json->Raw(",\"").Raw(name).Raw("_exact\":");
  if (count) {
    json->Bool(count->exact);
  } else {
    json->Raw("null");
  }
}

void AppendPoint(int64_t time_ms, const MetricPoint& point, JsonText* json) {
  const auto impressions = static_cast<int64_t>(point.sums[Metric::kImpressions]);
  const auto clicks = static_cast<int64_t>(point.sums[Metric::kClicks]);
  json->Raw(R"({"t":)").Number(time_ms);
  json->Raw(R"(,"impressions":)").Number(impressions).Raw(R"(,"clicks":)").Number(clicks);
  json->Raw(R"(,"conversions":)").Number(static_cast<int64_t>(point.sums[Metric::kConversions]));
  json->Raw(R"(,"revenue":")").Raw(FormatMicros(static_cast<int64_t>(point.sums[Metric::kRevenue])));
  AppendCtr(impressions, clicks, &json->Raw("\""));
  AppendDistinct("unique_users", point.users, json);
  AppendDistinct("unique_ips", point.ips, json);
  json->Raw("}");
}

// Why some distinct counts of the answer are null; empty when none is.
std::string_view DistinctNote(const MetricSeries& series, const MetricsArgs& args) {
  if (!series.distinct_from_ms) return "distinct counts are switched off (tallyd --distinct off)";
  if (args.step_minutes % kMinutesPerHour != 0)
    return "distinct counts are kept by the hour: ask for a step of whole hours";
  if (args.range.begin * kMsPerMinute < *series.distinct_from_ms)
    return "distinct counts were switched off for some time; those before unique_complete_from are not known "
           "(yet)";
  return {};
}

bool Fits(const MetricPoint& point) {
  return std::ranges::all_of(point.sums.value, [](__int128 v) { return FitsInt64(v); });
}

}  // namespace

HttpAnswer AnswerMetricsOf(const Services& services, const HttpRequest& request, std::string_view name,
                           std::span<const std::string> ad_ids) {
  Result<MetricsArgs> args = ReadMetricsArgs(QueryParams(request.target.params), services.clock.NowNs());
  if (!args.ok()) return Failure(args.status());
  Result<MetricSeries> series = services.engine.Metrics(ad_ids, args->range, args->step_minutes);
  if (!series.ok()) return RangeFailure(services, series.status(), args->range);
  JsonText json(256 + series->points.size() * kPointBytes);
  json.Raw("{\"").Raw(name).Raw("\":").Quoted(request.path_value);
  json.Raw(R"(,"from":)").Number(args->range.begin * kMsPerMinute);
  json.Raw(R"(,"to":)").Number(args->range.end * kMsPerMinute);
  json.Raw(R"(,"step_ms":)").Number(args->step_minutes * kMsPerMinute).Raw(R"(,"points":[)");
  for (size_t i = 0; i < series->points.size(); ++i) {
    if (!Fits(series->points[i])) return OverflowAnswer();
    const int64_t minute = args->range.begin + static_cast<int64_t>(i) * args->step_minutes;
    AppendPoint(minute * kMsPerMinute, series->points[i], &json.Raw(i > 0 ? "," : ""));
  }
  json.Raw("]");
  if (std::string_view note = DistinctNote(*series, *args); !note.empty()) {
    json.Raw(R"(,"unique_note":)").Quoted(note).Raw(R"(,"unique_complete_from":)");
    const bool known = series->distinct_from_ms && *series->distinct_from_ms != INT64_MIN;
    json.NumberOrNull(known ? series->distinct_from_ms : std::nullopt);
  }
  json.Raw(R"(,"watermark":)").NumberOrNull(services.engine.WatermarkMs()).Raw("}");
  HttpAnswer answer;
  answer.body = json.Take();
  return answer;
}

HttpAnswer AnswerAdMetrics(const Services& services, HttpRequest& request) {
  if (Status s = CheckAdId(request.path_value); !s.ok()) return Failure(s);
  const std::string ads[] = {request.path_value};
  return AnswerMetricsOf(services, request, "ad_id", ads);
}

}  // namespace tallymark
