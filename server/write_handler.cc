#include "server/write_handler.h"

#include <boost/beast/core/string.hpp>
#include <memory>
#include <string>
#include <utility>

#include "format/event_parser.h"
#include "server/append_later.h"
#include "server/gzip.h"
#include "server/query_args.h"

namespace tallymark {

namespace asio = boost::asio;

namespace {

// A line may be long; an answer quotes no more of what was wrong with it than this.
constexpr size_t kReasonBytesMax = 256;

HttpAnswer WithCounts(HttpAnswer answer, const WriteCounts& counts) {
  AppendWriteCounts(counts, &answer);
  return answer;
}

// Repeating a wrong body is useless, a large one may be split; everything else may pass later.
HttpAnswer WriteFailure(ErrorStyle style, const Status& status) {
  int code = status.code() == Code::kInvalid ? 400 : 503;
  return WithCounts(ErrorAnswer(style, code, status.message()), {});
}

// Leaves the plain body in the request; an answer when that cannot be.
std::optional<HttpAnswer> Unpack(ErrorStyle style, HttpRequest& request) {
  const std::string& encoding = request.content_encoding;
  if (encoding.empty() || boost::beast::iequals(encoding, "identity")) return std::nullopt;
  if (!boost::beast::iequals(encoding, "gzip") && !boost::beast::iequals(encoding, "x-gzip")) {
    return WithCounts(ErrorAnswer(style, 415, "Content-Encoding must be gzip or identity"), {});
  }
  std::string plain;
  BudgetHold unpacked = request.body_hold.Beside();
  Status status = Gunzip(request.body, kWriteBodyBytesMax, &unpacked, &plain);
  if (status.code() == Code::kExhausted) return WithCounts(ErrorAnswer(style, 413, status.message()), {});
  if (!status.ok()) return WriteFailure(style, status);
  request.body = std::move(plain);
  request.body_hold = std::move(unpacked);
  return std::nullopt;
}

// "line 3, column 17: no_ad: ..." of the first bad line, and how many there are.
std::string Describe(const ParseReport& report) {
  const RejectedLine& first = report.rejected.front();
  std::string text = "partial write: line " + std::to_string(first.line);
  if (first.column != 0) text += ", column " + std::to_string(first.column);
  text.append(": unable to parse: ").append(RejectReasonName(first.reason));
  if (!first.detail.empty()) text += ": " + first.detail.substr(0, kReasonBytesMax);
  return text + " dropped=" + std::to_string(report.rejected.size());
}

HttpAnswer PartialWrite(ErrorStyle style, const ParseReport& report) {
  std::string extra;
  if (style == ErrorStyle::kInfluxV2) extra = ",\"line\":" + std::to_string(report.rejected.front().line);
  return ErrorAnswer(style, 400, Describe(report), extra);
}

void ParseBody(const Services& services, int64_t unit_ns, EventChunk* chunk, ParseReport* report) {
  thread_local EventParser parser;
  AcceptedTimes times = services.engine.AcceptedTimesNow();
  EventParseOptions options{.unit_ns = unit_ns,
                            .read_time_ns = services.clock.NowNs(),
                            .read_step_ns = 1,
                            .oldest_ns = times.oldest_ns,
                            .newest_ns = times.newest_ns,
                            .lf_always_ends_line = false};
  services.metrics.bytes[ServerMetrics::kHttp].Add(chunk->text.size());
  parser.Parse(options, /*want_directives=*/false, chunk, report);
  services.metrics.lines[ServerMetrics::kHttp].Add(report->lines);
}

asio::awaitable<HttpAnswer> AnswerWrite(const Services& services, HttpRequest& request, ErrorStyle style) {
  Result<int64_t> unit_ns = ReadPrecision(QueryParams(request.target.params), style == ErrorStyle::kInfluxV1);
  if (!unit_ns.ok()) co_return WriteFailure(style, unit_ns.status());
  if (std::optional<HttpAnswer> refusal = Unpack(style, request)) co_return *std::move(refusal);
  auto chunk = std::make_shared<EventChunk>();
  chunk->text = std::move(request.body);
  ParseReport report;
  ParseBody(services, *unit_ns, chunk.get(), &report);
  AppendOutcome outcome;
  if (!chunk->events.empty()) outcome = co_await AppendLater(services.engine, chunk);
  // A body that must be sent again leaves no dead letters: its lines come back.
  if (!outcome.status.ok()) co_return WriteFailure(style, outcome.status);
  RejectLines(services, *chunk, report, "http " + request.peer);
  WriteCounts counts{
      .accepted = outcome.accepted, .duplicates = outcome.duplicates, .rejected = report.rejected.size()};
  HttpAnswer answer;
  answer.status = 204;
  if (!report.rejected.empty()) answer = PartialWrite(style, report);
  co_return WithCounts(std::move(answer), counts);
}

}  // namespace

void AppendWriteCounts(const WriteCounts& counts, HttpAnswer* answer) {
  answer->headers.emplace_back("Tallymark-Accepted", std::to_string(counts.accepted));
  answer->headers.emplace_back("Tallymark-Duplicates", std::to_string(counts.duplicates));
  answer->headers.emplace_back("Tallymark-Rejected", std::to_string(counts.rejected));
}

asio::awaitable<HttpAnswer> AnswerWriteV1(const Services& services, HttpRequest& request) {
  return AnswerWrite(services, request, ErrorStyle::kInfluxV1);
}

asio::awaitable<HttpAnswer> AnswerWriteV2(const Services& services, HttpRequest& request) {
  return AnswerWrite(services, request, ErrorStyle::kInfluxV2);
}

}  // namespace tallymark
