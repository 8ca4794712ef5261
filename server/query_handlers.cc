#include "server/query_handlers.h"

#include <algorithm>
#include <string>
#include <utility>

#include "format/decimal.h"
#include "format/time_units.h"
#include "server/failure_answers.h"
#include "server/job_handlers.h"
#include "server/json_text.h"
#include "server/query_args.h"

namespace tallymark {
namespace {

// A page of raw records past this is asked for again with fewer of them.
constexpr size_t kEventsAnswerBytesMax = 16 << 20;

HttpAnswer Answer(JsonText& json) {
  HttpAnswer answer;
  answer.body = json.Take();
  return answer;
}

int64_t MinuteMs(int32_t minute) { return minute * kMsPerMinute; }

// Counts are numbers, money is a string with six decimals.
void AppendAmount(Metric metric, int64_t amount, JsonText* json) {
  if (metric == Metric::kRevenue) {
    json->Raw("\"").Raw(FormatMicros(amount)).Raw("\"");
  } else {
    json->Number(amount);
  }
}

void AppendRange(MinuteRange range, JsonText* json) {
  json->Raw(R"("from":)").Number(MinuteMs(range.begin)).Raw(R"(,"to":)").Number(MinuteMs(range.end));
}

// `readiness` was asked for before the counts: what was ready then is whole.
void AppendTail(const Services& services, uint32_t filter, const FilterReadiness& readiness, JsonText* json) {
  json->Raw(R"(,"filter":)").Number(filter);
  if (filter != 0) json->Raw(R"(,"ready":)").Bool(readiness.ready);
  if (!readiness.ready) AppendShare(readiness.progress, &json->Raw(R"(,"progress":)"));
  json->Raw(R"(,"watermark":)").NumberOrNull(services.engine.WatermarkMs()).Raw("}");
}

void AppendPoint(int64_t time_ms, const std::vector<Metric>& metrics, const MetricSums& sums,
                 JsonText* json) {
  json->Raw(R"({"t":)").Number(time_ms);
  for (Metric metric : metrics) {
    json->Raw(",\"").Raw(MetricName(metric)).Raw("\":");
    AppendAmount(metric, static_cast<int64_t>(sums[metric]), json);
  }
  json->Raw("}");
}

void AppendEvent(const RawEvent& event, JsonText* json) {
  json->Raw(R"({"kind":)").Quoted(EventKindName(event.kind));
  json->Raw(R"(,"time":")").Number(event.time_ns).Raw("\"");
  if (event.revenue_micros) json->Raw(R"(,"revenue":")").Raw(FormatMicros(*event.revenue_micros)).Raw("\"");
  json->Raw(R"(,"attributes":{)");
  bool first = true;
  for (const auto& [name, value] : event.attributes) {
    if (!std::exchange(first, false)) json->Raw(",");
    json->Quoted(name).Raw(":").Quoted(value);
  }
  json->Raw("}}");
}

// Closes the list before it.
void AppendCursor(const std::optional<std::string>& cursor, JsonText* json) {
  json->Raw(R"(],"cursor":)");
  if (cursor) {
    json->Quoted(*cursor);
  } else {
    json->Raw("null");
  }
}

// Times to the millisecond, rounded down as everywhere.
void AppendSession(const Session& session, JsonText* json) {
  json->Raw(R"({"key":)").Quoted(session.key);
  json->Raw(R"(,"start":)").Number(FloorDiv(session.start_ns, kNsPerMs));
  json->Raw(R"(,"end":)").Number(FloorDiv(session.end_ns, kNsPerMs));
  json->Raw(R"(,"clicks":)").Number(session.clicks).Raw("}");
}

std::string EventsJson(const EventPage& page, const EventsArgs& args, std::optional<int64_t> watermark) {
  JsonText json(page.events.size() * 256 + 256);
  json.Raw(R"({"events":[)");
  for (size_t i = 0; i < page.events.size(); ++i) {
    if (i > 0) json.Raw(",");
    AppendEvent(page.events[i], &json);
  }
  AppendCursor(page.cursor, &json);
  json.Raw(R"(,"scanned_to":")").Number(page.scanned_to_ns).Raw("\"");
  json.Raw(R"(,"from":)").Number(FloorDiv(args.from_ns, kNsPerMs));
  json.Raw(R"(,"to":)").Number(FloorDiv(args.to_ns, kNsPerMs));
  json.Raw(R"(,"watermark":)").NumberOrNull(watermark).Raw("}");
  return json.Take();
}

}  // namespace

HttpAnswer AnswerCount(const Services& services, HttpRequest& request) {
  if (Status s = CheckAdId(request.path_value); !s.ok()) return Failure(s);
  Result<CountArgs> args = ReadCountArgs(QueryParams(request.target.params), services.clock.NowNs());
  if (!args.ok()) return Failure(args.status());
  Result<FilterReadiness> readiness = services.engine.ReadinessOf(args->filter);
  if (!readiness.ok()) return Failure(readiness.status());
  Result<MetricSums> sums = services.engine.Totals(request.path_value, args->filter, args->range);
  if (!sums.ok()) return RangeFailure(services, sums.status(), args->range);
  __int128 sum = (*sums)[args->metric];
  if (!FitsInt64(sum)) return OverflowAnswer();
  JsonText json;
  json.Raw(R"({"ad_id":)").Quoted(request.path_value).Raw(R"(,"count":)");
  AppendAmount(args->metric, static_cast<int64_t>(sum), &json);
  AppendRange(args->range, &json.Raw(","));
  AppendTail(services, args->filter, *readiness, &json);
  return Answer(json);
}

HttpAnswer AnswerTop(const Services& services, HttpRequest& request) {
  Result<TopArgs> args = ReadTopArgs(QueryParams(request.target.params), services.clock.NowNs());
  if (!args.ok()) return Failure(args.status());
  Result<FilterReadiness> readiness = services.engine.ReadinessOf(args->filter);
  if (!readiness.ok()) return Failure(readiness.status());
  Result<TopList> top = services.engine.PopularAds(args->filter, args->metric, args->range, args->count);
  if (top.status().code() == Code::kExhausted) return OverflowAnswer();
  if (!top.ok()) return RangeFailure(services, top.status(), args->range);
  JsonText json(128 + top->ad_ids.size() * 32);
  json.Raw(R"({"ad_ids":[)");
  for (size_t i = 0; i < top->ad_ids.size(); ++i) json.Raw(i > 0 ? "," : "").Quoted(top->ad_ids[i]);
  json.Raw(R"(],"counts":[)");
  for (size_t i = 0; i < top->amounts.size(); ++i)
    AppendAmount(args->metric, top->amounts[i], &json.Raw(i > 0 ? "," : ""));
  AppendRange(args->range, &json.Raw("],"));
  AppendTail(services, args->filter, *readiness, &json);
  return Answer(json);
}

HttpAnswer AnswerSeries(const Services& services, HttpRequest& request) {
  if (Status s = CheckAdId(request.path_value); !s.ok()) return Failure(s);
  Result<SeriesArgs> args = ReadSeriesArgs(QueryParams(request.target.params), services.clock.NowNs());
  if (!args.ok()) return Failure(args.status());
  Result<FilterReadiness> readiness = services.engine.ReadinessOf(args->filter);
  if (!readiness.ok()) return Failure(readiness.status());
  auto points = services.engine.Series(request.path_value, args->filter, args->range, args->step_minutes,
                                       args->window_minutes);
  if (!points.ok()) {
    // The first point's window may begin before it.
    const int32_t before = std::max(args->window_minutes - args->step_minutes, 0);
    return RangeFailure(services, points.status(), {args->range.begin - before, args->range.end});
  }
  JsonText json(256 + points->size() * (32 + args->metrics.size() * 24));
  json.Raw(R"({"ad_id":)").Quoted(request.path_value);
  AppendRange(args->range, &json.Raw(","));
  json.Raw(R"(,"step_ms":)").Number(MinuteMs(args->step_minutes));
  if (args->window_minutes != 0) json.Raw(R"(,"window_ms":)").Number(MinuteMs(args->window_minutes));
  json.Raw(R"(,"points":[)");
  for (size_t i = 0; i < points->size(); ++i) {
    const MetricSums& sums = (*points)[i];
    if (std::ranges::any_of(args->metrics, [&](Metric m) { return !FitsInt64(sums[m]); }))
      return OverflowAnswer();
    auto minute = args->range.begin + static_cast<int32_t>(i) * args->step_minutes;
    AppendPoint(MinuteMs(minute), args->metrics, sums, &json.Raw(i > 0 ? "," : ""));
  }
  AppendTail(services, args->filter, *readiness, &json.Raw("]"));
  return Answer(json);
}

HttpAnswer AnswerEvents(const Services& services, HttpRequest& request) {
  if (Status s = CheckAdId(request.path_value); !s.ok()) return Failure(s);
  Result<EventsArgs> args = ReadEventsArgs(QueryParams(request.target.params), services.clock.NowNs());
  if (!args.ok()) return Failure(args.status());
  for (size_t limit = args->limit;; limit = std::max<size_t>(1, limit / 4)) {
    Result<EventPage> page =
        services.engine.Events(request.path_value, args->from_ns, args->to_ns, limit, args->cursor);
    if (!page.ok()) return Failure(page.status());
    std::string body = EventsJson(*page, *args, services.engine.WatermarkMs());
    if (body.size() > kEventsAnswerBytesMax && limit > 1) continue;
    HttpAnswer answer;
    answer.body = std::move(body);
    return answer;
  }
}

HttpAnswer AnswerSessions(const Services& services, HttpRequest& request) {
  if (Status s = CheckAdId(request.path_value); !s.ok()) return Failure(s);
  Result<SessionQuery> args = ReadSessionArgs(QueryParams(request.target.params), services.clock.NowNs());
  if (!args.ok()) return Failure(args.status());
  Result<SessionPage> page = services.engine.Sessions(request.path_value, *args);
  if (!page.ok()) return Failure(page.status());
  JsonText json(256 + page->sessions.size() * 96);
  json.Raw(R"({"ad_id":)").Quoted(request.path_value).Raw(R"(,"sessions":[)");
  for (size_t i = 0; i < page->sessions.size(); ++i)
    AppendSession(page->sessions[i], &json.Raw(i > 0 ? "," : ""));
  AppendCursor(page->cursor, &json);
  json.Raw(R"(,"from":)").Number(FloorDiv(args->from_ns, kNsPerMs));
  json.Raw(R"(,"to":)").Number(FloorDiv(args->to_ns, kNsPerMs));
  json.Raw(R"(,"gap_ms":)").Number(args->gap_ns / kNsPerMs).Raw(R"(,"by":)").Quoted(args->by);
  json.Raw(R"(,"watermark":)").NumberOrNull(services.engine.WatermarkMs()).Raw("}");
  return Answer(json);
}

}  // namespace tallymark
