#include "server/filter_handlers.h"

#include <array>
#include <map>

#include "server/failure_answers.h"
#include "server/filter_json.h"
#include "server/job_handlers.h"

namespace tallymark {
namespace {

Status CheckNoParams(const HttpRequest& request) {
  return QueryParams(request.target.params).Check(std::array<std::string_view, 0>{});
}

Result<uint32_t> FilterIdOf(const HttpRequest& request) {
  Status params = CheckNoParams(request);
  if (!params.ok()) return params;
  std::optional<uint64_t> id = ReadNumber(request.path_value, UINT32_MAX);
  if (!id || *id == 0) return Status::Invalid("filter_id: a filter is numbered from 1 to 4294967295");
  return static_cast<uint32_t>(*id);
}

void AppendFilter(const FilterInfo& filter, const JobInfo* job, JsonText* json) {
  json->Raw(R"({"filter_id":)").Number(filter.id);
  AppendDefinition(filter.id, filter.definition, &json->Raw(R"(,"definition":)"));
  json->Raw(R"(,"ready":)").Bool(filter.ready);
  AppendShare(filter.progress, &json->Raw(R"(,"progress":)"));
  if (filter.counted) AppendDefinition(filter.id, *filter.counted, &json->Raw(R"(,"counted":)"));
  json->Raw(R"(,"complete_from":)").NumberOrNull(filter.complete_from_ms);
  json->Raw(R"(,"job":)");
  if (job != nullptr) {
    AppendJob(*job, true, json);
  } else {
    json->Raw("null");
  }
  json->Raw("}");
}

HttpAnswer OneFilter(const Services& services, const FilterInfo& filter, int status) {
  Result<JobInfo> job = services.engine.FindJob(filter.job);
  JsonText json(1024);
  AppendFilter(filter, job.ok() ? &*job : nullptr, &json);
  HttpAnswer answer;
  answer.status = status;
  answer.body = json.Take();
  return answer;
}

}  // namespace

HttpAnswer AnswerFilters(const Services& services, HttpRequest& request) {
  if (Status params = CheckNoParams(request); !params.ok()) return Failure(params);
  std::map<uint64_t, JobInfo> jobs;
  for (JobInfo& job : services.engine.Jobs()) jobs[job.id] = std::move(job);
  JsonText json(4096);
  json.Raw(R"({"filters":[)");
  bool first = true;
  for (const FilterInfo& filter : services.engine.Filters()) {
    if (!first) json.Raw(",");
    first = false;
    auto job = jobs.find(filter.job);
    AppendFilter(filter, job == jobs.end() ? nullptr : &job->second, &json);
  }
  json.Raw("]}");
  HttpAnswer answer;
  answer.body = json.Take();
  return answer;
}

HttpAnswer AnswerFilter(const Services& services, HttpRequest& request) {
  Result<uint32_t> id = FilterIdOf(request);
  if (!id.ok()) return Failure(id.status());
  Result<FilterInfo> filter = services.engine.FindFilter(*id);
  return filter.ok() ? OneFilter(services, *filter, 200) : Failure(filter.status());
}

HttpAnswer AnswerPutFilter(const Services& services, HttpRequest& request) {
  Result<uint32_t> id = FilterIdOf(request);
  if (!id.ok()) return Failure(id.status());
  Result<FilterDefinition> definition = ReadFilterJson(request.body, *id);
  if (!definition.ok()) return Failure(definition.status());
  bool created = false;
  Result<FilterInfo> filter = services.engine.DefineFilter(*id, *std::move(definition), &created);
  return filter.ok() ? OneFilter(services, *filter, created ? 201 : 200) : Failure(filter.status());
}

HttpAnswer AnswerDeleteFilter(const Services& services, HttpRequest& request) {
  Result<uint32_t> id = FilterIdOf(request);
  if (!id.ok()) return Failure(id.status());
  Status deleted = services.engine.DeleteFilter(*id);
  if (!deleted.ok()) return Failure(deleted);
  HttpAnswer answer;
  answer.status = 204;
  return answer;
}

}  // namespace tallymark
