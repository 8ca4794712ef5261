#include "server/query_args.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <optional>

#include "format/event_parser.h"
#include "format/text_encoding.h"
#include "format/time_text.h"
#include "format/time_units.h"
#include "server/units.h"

namespace tallymark {
namespace {

using Names = std::initializer_list<std::string_view>;

Status Bad(std::string_view name, const std::string& why) {
  return Status::Invalid(std::string(name) + ": " + why);
}

template <class Int>
bool ParseWhole(std::string_view text, Int* value) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return false;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

Status ReadTime(const QueryParams& params, std::string_view name, int64_t now_ns, int64_t* time_ns) {
  std::optional<int64_t> time = ParseQueryTime(*params.Find(name), now_ns);
  if (!time) {
    return Bad(
        name,
        "epoch milliseconds (1609459200000), RFC 3339 (2021-01-01T00:00:00Z), now or now-15m is expected, "
        "between the years 1677 and 2262");
  }
  *time_ns = *time;
  return Status::Ok();
}

// `from` is required, `to` defaults to now.
Status ReadRange(const QueryParams& params, int64_t now_ns, int64_t* from_ns, int64_t* to_ns) {
  if (params.Find("from") == nullptr) return Bad("from", "this parameter is required");
  if (Status s = ReadTime(params, "from", now_ns, from_ns); !s.ok()) return s;
  *to_ns = now_ns;
  if (params.Find("to") != nullptr) {
    if (Status s = ReadTime(params, "to", now_ns, to_ns); !s.ok()) return s;
  }
  if (*from_ns >= *to_ns) return Status::Invalid("from must be before to (which is now unless it is given)");
  return Status::Ok();
}

MinuteRange RoundOut(int64_t from_ns, int64_t to_ns, int32_t step_minutes) {
  int64_t step_ns = step_minutes * kNsPerMinute;
  int64_t last_step = FloorDiv(to_ns - 1, step_ns);  // from < to, so to - 1 does not wrap
  return {.begin = static_cast<int32_t>(FloorDiv(from_ns, step_ns) * step_minutes),
          .end = static_cast<int32_t>((last_step + 1) * step_minutes)};
}

Status ReadFilter(const QueryParams& params, uint32_t* filter) {
  const std::string* text = params.Find("filter");
  if (text != nullptr && !ParseWhole(*text, filter)) {
    return Bad("filter", "a filter's number, 0 to 4294967295, is expected");
  }
  return Status::Ok();
}

std::optional<Metric> MetricOf(std::string_view name) {
  for (int i = 0; i < kMetricCount; ++i) {
    if (MetricName(static_cast<Metric>(i)) == name) return static_cast<Metric>(i);
  }
  return std::nullopt;
}

constexpr std::string_view kMetricNames = "impressions, clicks, conversions or revenue is expected";

Status ReadMetric(const QueryParams& params, Metric* metric) {
  const std::string* text = params.Find("metric");
  if (text == nullptr) return Status::Ok();
  std::optional<Metric> named = MetricOf(*text);
  if (!named) return Bad("metric", std::string(kMetricNames));
  *metric = *named;
  return Status::Ok();
}

Status ReadMetrics(const QueryParams& params, std::vector<Metric>* metrics) {
  const std::string* text = params.Find("metrics");
  if (text == nullptr) {
    metrics->assign(1, Metric::kClicks);
    return Status::Ok();
  }
  for (std::string_view rest = *text;;) {
    size_t comma = rest.find(',');
    std::optional<Metric> named = MetricOf(rest.substr(0, comma));
    if (!named) return Bad("metrics", "in a comma list, " + std::string(kMetricNames));
    if (std::ranges::find(*metrics, *named) != metrics->end()) {
      return Bad("metrics", std::string(MetricName(*named)) + " is named twice");
    }
    metrics->push_back(*named);
    if (comma == std::string_view::npos) return Status::Ok();
    rest.remove_prefix(comma + 1);
  }
}

// Whole minutes from a duration or, where `bare` says so, a plain number of minutes.
bool ParseMinutes(const std::string& text, bool bare, int64_t* minutes) {
  if (bare && ParseWhole(text, minutes)) return true;
  Result<int64_t> ms = ParseDurationMs(text);
  if (!ms.ok() || *ms % kMsPerMinute != 0) return false;
  *minutes = *ms / kMsPerMinute;
  return true;
}

Status ReadMinutes(const QueryParams& params, std::string_view name, bool bare, int32_t longest,
                   int32_t* minutes) {
  const std::string* text = params.Find(name);
  if (text == nullptr) return Status::Ok();
  int64_t value = 0;
  if (!ParseMinutes(*text, bare, &value) || value < 1 || value > longest) {
    return Bad(name, "whole minutes from 1m to " + FormatDurationMs(longest * kMsPerMinute) +
                         " are expected, such as 15m" + (bare ? " or 15" : ""));
  }
  *minutes = static_cast<int32_t>(value);
  return Status::Ok();
}

Status ReadCount(const QueryParams& params, std::string_view name, size_t most, size_t* count) {
  const std::string* text = params.Find(name);
  if (text == nullptr) return Status::Ok();
  if (!ParseWhole(*text, count) || *count < 1 || *count > most) {
    return Bad(name, "a whole number from 1 to " + std::to_string(most) + " is expected");
  }
  return Status::Ok();
}

Status ReadCursor(const QueryParams& params, std::string* cursor) {
  const std::string* text = params.Find("cursor");
  if (text == nullptr) return Status::Ok();
  if (text->size() > kMaxCursorBytes) return Bad("cursor", "this is no cursor of an earlier answer");
  *cursor = *text;
  return Status::Ok();
}

// The smallest step out of the usual ones that keeps the answer within its bound.
int32_t StepThatFits(MinuteRange range) {
  constexpr std::array<int32_t, 12> kSteps = {1,   5,   10,  15,   30,     60,
                                              120, 360, 720, 1440, 10'080, kMaxStepMinutes};
  for (int32_t step : kSteps) {
    if ((range.end - range.begin) / step + 2 <= kMaxSeriesPoints) return step;
  }
  return kMaxStepMinutes;
}

Status CheckPoints(MinuteRange range, int32_t step_minutes) {
  int32_t points = (range.end - range.begin) / step_minutes;
  if (points <= kMaxSeriesPoints) return Status::Ok();
  return Bad("step", "the range has " + std::to_string(points) + " points and an answer at most " +
                         std::to_string(kMaxSeriesPoints) +
                         "; step=" + FormatDurationMs(StepThatFits(range) * kMsPerMinute) + " fits");
}

}  // namespace

Result<CountArgs> ReadCountArgs(const QueryParams& params, int64_t now_ns) {
  CountArgs args;
  int64_t from_ns = 0;
  int64_t to_ns = 0;
  if (Status s = params.Check(Names{"from", "to", "filter", "metric"}); !s.ok()) return s;
  if (Status s = ReadRange(params, now_ns, &from_ns, &to_ns); !s.ok()) return s;
  if (Status s = ReadFilter(params, &args.filter); !s.ok()) return s;
  if (Status s = ReadMetric(params, &args.metric); !s.ok()) return s;
  args.range = RoundOut(from_ns, to_ns, 1);
  return args;
}

Result<TopArgs> ReadTopArgs(const QueryParams& params, int64_t now_ns) {
  TopArgs args;
  int32_t window = 1;
  if (Status s = params.Check(Names{"count", "window", "filter", "to", "metric"}); !s.ok()) return s;
  if (Status s = ReadCount(params, "count", kMaxTopCount, &args.count); !s.ok()) return s;
  if (Status s = ReadMinutes(params, "window", true, kMaxTopWindowMinutes, &window); !s.ok()) return s;
  if (Status s = ReadFilter(params, &args.filter); !s.ok()) return s;
  if (Status s = ReadMetric(params, &args.metric); !s.ok()) return s;
  // Without `to` the window ends with the minute that is running.
  args.range.end = MinuteOf(now_ns) + 1;
  if (params.Find("to") != nullptr) {
    int64_t to_ns = 0;
    if (Status s = ReadTime(params, "to", now_ns, &to_ns); !s.ok()) return s;
    args.range.end = MinuteOf(to_ns) + (to_ns % kNsPerMinute == 0 ? 0 : 1);
  }
  args.range.begin = args.range.end - window;
  return args;
}

Result<SeriesArgs> ReadSeriesArgs(const QueryParams& params, int64_t now_ns) {
  SeriesArgs args;
  int64_t from_ns = 0;
  int64_t to_ns = 0;
  if (Status s = params.Check(Names{"from", "to", "step", "window", "filter", "metrics"}); !s.ok()) return s;
  if (Status s = ReadRange(params, now_ns, &from_ns, &to_ns); !s.ok()) return s;
  if (Status s = ReadMinutes(params, "step", false, kMaxStepMinutes, &args.step_minutes); !s.ok()) return s;
  if (Status s = ReadMinutes(params, "window", true, kMaxSeriesPoints * 60, &args.window_minutes); !s.ok()) {
    return s;
  }
  if (args.window_minutes != 0 && args.window_minutes < args.step_minutes) {
    return Bad("window", "it must not be shorter than the step");
  }
  if (Status s = ReadFilter(params, &args.filter); !s.ok()) return s;
  if (Status s = ReadMetrics(params, &args.metrics); !s.ok()) return s;
  args.range = RoundOut(from_ns, to_ns, args.step_minutes);
  if (Status s = CheckPoints(args.range, args.step_minutes); !s.ok()) return s;
  return args;
}

Result<MetricsArgs> ReadMetricsArgs(const QueryParams& params, int64_t now_ns) {
  MetricsArgs args;
  int64_t from_ns = 0;
  int64_t to_ns = 0;
  if (Status s = params.Check(Names{"from", "to", "step"}); !s.ok()) return s;
  if (Status s = ReadRange(params, now_ns, &from_ns, &to_ns); !s.ok()) return s;
  if (Status s = ReadMinutes(params, "step", false, kMaxStepMinutes, &args.step_minutes); !s.ok()) return s;
  args.range = RoundOut(from_ns, to_ns, args.step_minutes);
  if (Status s = CheckPoints(args.range, args.step_minutes); !s.ok()) return s;
  return args;
}

Result<MinuteRange> ReadRangeArgs(const QueryParams& params, int64_t now_ns) {
  int64_t from_ns = 0;
  int64_t to_ns = 0;
  if (Status s = params.Check(Names{"from", "to"}); !s.ok()) return s;
  if (Status s = ReadRange(params, now_ns, &from_ns, &to_ns); !s.ok()) return s;
  return RoundOut(from_ns, to_ns, 1);
}

Result<EventsArgs> ReadEventsArgs(const QueryParams& params, int64_t now_ns) {
  EventsArgs args;
  if (Status s = params.Check(Names{"from", "to", "limit", "cursor"}); !s.ok()) return s;
  if (Status s = ReadRange(params, now_ns, &args.from_ns, &args.to_ns); !s.ok()) return s;
  if (Status s = ReadCount(params, "limit", kMaxEventsPage, &args.limit); !s.ok()) return s;
  if (Status s = ReadCursor(params, &args.cursor); !s.ok()) return s;
  return args;
}

Result<SessionQuery> ReadSessionArgs(const QueryParams& params, int64_t now_ns) {
  SessionQuery args;
  if (Status s = params.Check(Names{"from", "to", "gap", "by", "limit", "cursor"}); !s.ok()) return s;
  if (Status s = ReadRange(params, now_ns, &args.from_ns, &args.to_ns); !s.ok()) return s;
  if (Status s = ReadCount(params, "limit", kMaxSessionsPage, &args.limit); !s.ok()) return s;
  if (Status s = ReadCursor(params, &args.cursor); !s.ok()) return s;
  if (const std::string* gap = params.Find("gap"); gap != nullptr) {
    Result<int64_t> ms = ParseDurationMs(*gap);
    if (!ms.ok() || *ms < 1 || *ms > kMaxSessionGapMs)
      return Bad("gap", "a duration from 1ms to 7d is expected, such as 30m");
    args.gap_ns = *ms * kNsPerMs;
  }
  if (const std::string* by = params.Find("by"); by != nullptr) {
    if (by->empty() || by->size() > kMaxAttributeNameBytes || !IsUtf8(*by))
      return Bad("by", "the name of an attribute, 1 to 64 bytes, is expected");
    args.by = *by;
  }
  return args;
}

Result<int64_t> ReadPrecision(const QueryParams& params, bool version_one) {
  struct Unit {
    std::string_view name;
    int64_t ns = 1;
    bool version_one_only = false;
  };
  constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                           {"us", 1'000},
                                           {"ms", kNsPerMs},
                                           {"s", kNsPerSecond},
                                           {"n", 1, true},
                                           {"u", 1'000, true},
                                           {"m", kNsPerMinute, true},
                                           {"h", kNsPerHour, true}}};
  const std::string* text = params.Find("precision");
  if (text == nullptr || text->empty()) return int64_t{1};
  for (const Unit& unit : kUnits) {
    if (unit.name == *text && (version_one || !unit.version_one_only)) return unit.ns;
  }
  return Bad("precision",
             version_one ? "ns, us, ms, s, n, u, m or h is expected" : "ns, us, ms or s is expected");
}

Status CheckAdId(std::string_view ad_id) { return CheckId("ad_id", ad_id); }

Status CheckId(std::string_view name, std::string_view id) {
  if (id.empty() || id.size() > kMaxIdBytes) return Bad(name, "1 to 128 bytes are expected");
  if (!IsUtf8(id)) return Bad(name, "it is not UTF-8");
  return Status::Ok();
}

}  // namespace tallymark
