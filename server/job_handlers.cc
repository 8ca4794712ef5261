#include "server/job_handlers.h"

#include <array>
#include <charconv>

#include "format/time_units.h"
#include "server/failure_answers.h"

namespace tallymark {
namespace {

std::optional<HttpAnswer> RefuseParams(const HttpRequest& request) {
  Status status = QueryParams(request.target.params).Check(std::array<std::string_view, 0>{});
  if (status.ok()) return std::nullopt;
  return Failure(status);
}

Result<uint64_t> JobIdOf(const HttpRequest& request) {
  std::optional<uint64_t> id = ReadNumber(request.path_value, UINT64_MAX);
  if (!id) return Status::Invalid("id: a job is named by its number");
  return *id;
}

void AppendMs(int64_t time_ns, JsonText* json) {
  json->NumberOrNull(time_ns == 0 ? std::nullopt : std::optional(FloorDiv(time_ns, kNsPerMs)));
}

HttpAnswer OneJob(const Result<JobInfo>& job) {
  if (!job.ok()) return Failure(job.status());
  JsonText json(512 + job->result.size());
  AppendJob(*job, true, &json);
  HttpAnswer answer;
  answer.body = json.Take();
  return answer;
}

}  // namespace

std::optional<uint64_t> ReadNumber(std::string_view text, uint64_t max) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

void AppendShare(double share, JsonText* json) {
  char text[32];
  char* end = std::to_chars(text, text + sizeof text, share).ptr;
  json->Raw(std::string_view(text, static_cast<size_t>(end - text)));
}

void AppendJob(const JobInfo& job, bool with_result, JsonText* json) {
  json->Raw(R"({"id":)").Number(job.id);
  json->Raw(R"(,"kind":)").Quoted(job.kind);
  json->Raw(R"(,"state":)").Quoted(JobStateName(job.state));
  AppendShare(job.progress, &json->Raw(R"(,"progress":)"));
  AppendMs(job.started_ns, &json->Raw(R"(,"started":)"));
  AppendMs(job.ended_ns, &json->Raw(R"(,"ended":)"));
  if (with_result) json->Raw(R"(,"result":)").Raw(job.result.empty() ? "null" : job.result);
  if (!job.error.empty()) json->Raw(R"(,"error":)").Quoted(job.error);
  json->Raw("}");
}

HttpAnswer JobAnswer(const JobInfo& job) {
  HttpAnswer answer = OneJob(job);
  answer.status = 202;
  return answer;
}

void AppendJobs(const std::vector<JobInfo>& jobs, JsonText* json) {
  json->Raw("[");
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (i > 0) json->Raw(",");
    AppendJob(jobs[i], false, json);
  }
  json->Raw("]");
}

HttpAnswer AnswerJobs(const Services& services, HttpRequest& request) {
  if (std::optional<HttpAnswer> refusal = RefuseParams(request)) return *std::move(refusal);
  JsonText json(4096);
  json.Raw(R"({"jobs":)");
  AppendJobs(services.engine.Jobs(), &json);
  json.Raw("}");
  HttpAnswer answer;
  answer.body = json.Take();
  return answer;
}

HttpAnswer AnswerJob(const Services& services, HttpRequest& request) {
  if (std::optional<HttpAnswer> refusal = RefuseParams(request)) return *std::move(refusal);
  Result<uint64_t> id = JobIdOf(request);
  return id.ok() ? OneJob(services.engine.FindJob(*id)) : Failure(id.status());
}

HttpAnswer AnswerCancelJob(const Services& services, HttpRequest& request) {
  if (std::optional<HttpAnswer> refusal = RefuseParams(request)) return *std::move(refusal);
  Result<uint64_t> id = JobIdOf(request);
  return id.ok() ? OneJob(services.engine.CancelJob(*id)) : Failure(id.status());
}

}  // namespace tallymark
