#include "server/recount_handlers.h"

#include <array>
#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "format/coding.h"
#include "format/decimal.h"
#include "format/time_text.h"
#include "format/time_units.h"
#include "server/failure_answers.h"
#include "server/job_handlers.h"
#include "server/json_text.h"

namespace tallymark {
namespace {

namespace json = boost::json;

constexpr std::string_view kReconcile = "reconcile";
constexpr std::string_view kRecompute = "recompute";
// Two times and their names do not need more.
constexpr size_t kBodyBytesMax = 4096;

// What a job was asked for, and of a recompute how far it came.
struct RecountRange {
  int64_t from_ns = 0;
  int64_t to_ns = 0;

  std::string Encode() const {
    std::string bytes;
    PutFixed(&bytes, from_ns);
    PutFixed(&bytes, to_ns);
    return bytes;
  }
  bool Decode(std::string_view in) { return GetFixed(&in, &from_ns) && GetFixed(&in, &to_ns) && in.empty(); }
};

struct RecomputeState {
  int64_t done_to_ms = 0;
  RecomputeReport before;  // of the runs before a restart

  std::string Encode(const RecomputeReport& now) const {
    std::string bytes;
    PutFixed(&bytes, done_to_ms);
    PutFixed(&bytes, before.hours + now.hours);
    PutFixed(&bytes, before.rows_written + now.rows_written);
    PutFixed(&bytes, before.rows_removed + now.rows_removed);
    return bytes;
  }
  bool Decode(std::string_view in) {
    return GetFixed(&in, &done_to_ms) && GetFixed(&in, &before.hours) &&
           GetFixed(&in, &before.rows_written) && GetFixed(&in, &before.rows_removed) && in.empty();
  }
};

Status Bad(std::string_view name, std::string_view why) {
  return Status::Invalid(std::string(name).append(": ").append(why));
}

// Epoch milliseconds as a number, or what a query parameter takes as a string.
Status ReadTime(const json::value& value, std::string_view name, int64_t now_ns, int64_t* time_ns) {
  std::string text;
  if (value.is_string()) text = std::string(value.as_string());
  if (value.is_int64()) text = std::to_string(value.as_int64());
  std::optional<int64_t> time = ParseQueryTime(text, now_ns);
  if (!time)
    return Bad(name, "epoch milliseconds, or a string such as 2021-01-01T00:00:00Z or now-1d, is expected");
  *time_ns = *time;
  return Status::Ok();
}

Result<RecountRange> ReadRange(const HttpRequest& request, int64_t now_ns) {
  if (!request.content_encoding.empty()) return Status::Invalid("the body must not be packed");
  if (request.body.size() > kBodyBytesMax) return Status::Invalid("the body is too long");
  json::error_code error;
  const json::value body = json::parse(request.body, error);
  if (error || !body.is_object())
    return Status::Invalid(R"(a JSON object is expected, such as {"from": 1609459200000, "to": "now"})");
  RecountRange range;
  range.to_ns = now_ns;
  bool has_from = false;
  for (const auto& [name, value] : body.as_object()) {
    if (name != "from" && name != "to") return Bad(std::string_view(name), "there is no such member");
    has_from |= name == "from";
    Status read = ReadTime(value, name, now_ns, name == "from" ? &range.from_ns : &range.to_ns);
    if (!read.ok()) return read;
  }
  if (!has_from) return Bad("from", "this member is required");
  if (range.from_ns >= range.to_ns)
    return Status::Invalid("from must be before to (which is now unless it is given)");
  return range;
}

HttpAnswer StartJob(const Services& services, const HttpRequest& request, std::string_view kind) {
  Status params = QueryParams(request.target.params).Check(std::array<std::string_view, 0>{});
  if (!params.ok()) return Failure(params);
  Result<RecountRange> range = ReadRange(request, services.clock.NowNs());
  if (!range.ok()) return Failure(range.status());
  Result<JobInfo> job = services.engine.StartJob(std::string(kind), range->Encode());
  return job.ok() ? JobAnswer(*job) : Failure(job.status());
}

void AppendAmount(Metric metric, __int128 amount, JsonText* text) {
  if (metric == Metric::kRevenue && FitsInt64(amount)) {
    text->Raw("\"").Raw(FormatMicros(static_cast<int64_t>(amount))).Raw("\"");
  } else {
    text->Raw(WideText(amount));
  }
}

void AppendMismatch(const ReconcileMismatch& m, JsonText* text) {
  text->Raw(R"({"ad_id":)").Quoted(m.ad_id);
  text->Raw(R"(,"bucket":)").Number(m.bucket_ms);
  text->Raw(R"(,"step_ms":)").Number(m.is_hour ? kMsPerHour : kMsPerMinute);
  text->Raw(R"(,"filter_id":)").Number(m.filter_id);
  text->Raw(R"(,"metric":)").Quoted(MetricName(m.metric));
  text->Raw(R"(,"in":)").Quoted(m.in_top_lists ? "top_lists" : "counters");
  text->Raw(R"(,"counted":)");
  if (m.readable) {
    AppendAmount(m.metric, m.counted, text);
  } else {
    text->Raw("null");
  }
  AppendAmount(m.metric, m.raw, &text->Raw(R"(,"raw":)"));
  text->Raw("}");
}

std::string ResultText(const ReconcileReport& report) {
  JsonText text(256 + report.mismatches.size() * 192);
  text.Raw(R"({"rows_checked":)").Number(report.rows_checked);
  text.Raw(R"(,"mismatch_count":)").Number(report.mismatch_count).Raw(R"(,"mismatches":[)");
  for (size_t i = 0; i < report.mismatches.size(); ++i)
    AppendMismatch(report.mismatches[i], &text.Raw(i > 0 ? "," : ""));
  text.Raw(R"(],"complete_from":)").NumberOrNull(report.complete_from_ms).Raw("}");
  return text.Take();
}

RecountControl ControlOf(JobContext* job) {
  RecountControl control;
  control.should_stop = [job] { return job->ShouldStop(); };
  control.progress = [job](double share) { job->SetProgress(share); };
  return control;
}

Result<std::string> RunReconcile(Engine* engine, JobContext& job) {
  RecountRange range;
  if (!range.Decode(job.parameters())) return Status::Corruption("the job's parameters are unreadable");
  Result<ReconcileReport> report = engine->Reconcile(range.from_ns, range.to_ns, ControlOf(&job));
  if (!report.ok()) return report.status();
  return ResultText(*report);
}

// After a restart it goes on behind the last hour that is done.
Result<std::string> RunRecompute(Engine* engine, JobContext& job) {
  RecountRange range;
  RecomputeState state;
  if (!range.Decode(job.parameters())) return Status::Corruption("the job's parameters are unreadable");
  if (!job.saved().empty() && !state.Decode(job.saved()))
    return Status::Corruption("the job's state is unreadable");
  if (!job.saved().empty()) range.from_ns = std::max(range.from_ns, state.done_to_ms * kNsPerMs);
  RecomputeReport report;
  if (range.from_ns < range.to_ns) {
    RecountControl control = ControlOf(&job);
    control.hour_is_done = [&](int64_t done_to_ms, const RecomputeReport& now) {
      state.done_to_ms = done_to_ms;
      return job.Save(state.Encode(now));
    };
    Result<RecomputeReport> done = engine->Recompute(range.from_ns, range.to_ns, control);
    if (!done.ok()) return done.status();
    report = *done;
  }
  JsonText text;
  text.Raw(R"({"hours":)").Number(state.before.hours + report.hours);
  text.Raw(R"(,"rows_written":)").Number(state.before.rows_written + report.rows_written);
  text.Raw(R"(,"rows_removed":)").Number(state.before.rows_removed + report.rows_removed);
  text.Raw(R"(,"complete_from":)").NumberOrNull(report.complete_from_ms).Raw("}");
  return text.Take();
}

}  // namespace

HttpAnswer AnswerReconcile(const Services& services, HttpRequest& request) {
  return StartJob(services, request, kReconcile);
}

HttpAnswer AnswerRecompute(const Services& services, HttpRequest& request) {
  return StartJob(services, request, kRecompute);
}

void AddRecountJobs(Engine* engine) {
  JobKind reconcile;
  reconcile.name = kReconcile;
  reconcile.run = [engine](JobContext& job) { return RunReconcile(engine, job); };
  engine->AddJobKind(std::move(reconcile));
  JobKind recompute;
  recompute.name = kRecompute;
  recompute.run = [engine](JobContext& job) { return RunRecompute(engine, job); };
  engine->AddJobKind(std::move(recompute));
}

}  // namespace tallymark
