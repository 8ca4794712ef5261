#include "server/import_handlers.h"

#include <array>
#include <boost/beast/core/string.hpp>
#include <string>
#include <utility>

#include "format/time_units.h"
#include "server/failure_answers.h"
#include "server/imports.h"
#include "server/job_handlers.h"
#include "server/json_text.h"

namespace tallymark {
namespace {

constexpr size_t kImportsPage = 100;
constexpr uint64_t kImportsPageMax = 1000;

// With what is known of the file that it clashes with. `hash`: of the content sent; empty before it
// was read.
HttpAnswer RefusalAnswer(const Imports::Refusal& refusal, std::string_view hash) {
  if (!refusal.record) return Failure(refusal.status);
  JsonText extra(512);
  extra.Raw(R"(,"same_content":)").Bool(refusal.record->content_hash == hash);
  extra.Raw(R"(,"result":)").Raw(refusal.record->report.Json());
  return Failure(refusal.status, extra.Take());
}

void AppendRecord(const std::string& name, const ImportRecord& record, JsonText* json) {
  json->Raw(R"({"name":)").Quoted(name);
  json->Raw(R"(,"state":)").Raw(record.state == ImportState::kLoaded ? R"("loaded")" : R"("loading")");
  json->Raw(R"(,"bytes":)").Number(record.size);
  json->Raw(R"(,"sha256":)").Quoted(HexOf(record.content_hash));
  json->Raw(R"(,"began":)").Number(FloorDiv(record.began_ns, kNsPerMs));
  std::optional<int64_t> ended;
  if (record.state == ImportState::kLoaded) ended = FloorDiv(record.ended_ns, kNsPerMs);
  json->Raw(R"(,"ended":)").NumberOrNull(ended);
  json->Raw(R"(,"options":)").Raw(record.options);
  json->Raw(R"(,"result":)").Raw(record.report.Json()).Raw("}");
}

}  // namespace

std::optional<HttpAnswer> OpenImportBody(const Services& services, HttpRequest& request) {
  auto import = ReadImportParams(request.target.params);
  if (!import.ok()) return Failure(import.status());
  const std::string& encoding = request.content_encoding;
  if (!encoding.empty() && !boost::beast::iequals(encoding, "identity")) {
    return ErrorAnswer(ErrorStyle::kProblem, 415, "Content-Encoding: send the file as it is, unpacked");
  }
  // Who asks before sending is told at once; others are told by the content too whether it is the same.
  if (request.asks_first) {
    if (auto refusal = services.imports->CheckName(import->name)) return RefusalAnswer(*refusal, {});
  }
  auto file = services.imports->NewSpoolFile();
  if (!file.ok()) return Failure(file.status());
  request.spool = std::move(*file);
  return std::nullopt;
}

HttpAnswer AnswerImport(const Services& services, HttpRequest& request) {
  auto import = ReadImportParams(request.target.params);
  if (!import.ok()) return Failure(import.status());
  if (Status s = request.spool->Finish(); !s.ok()) return Failure(s);
  const std::string hash = request.spool->hash();
  Imports::Submitted submitted = services.imports->Submit(*import, std::move(request.spool));
  if (!submitted.job) return RefusalAnswer(submitted.refusal, hash);
  HttpAnswer answer = JobAnswer(*submitted.job);
  answer.headers.emplace_back("Location", "/v1/jobs/" + std::to_string(submitted.job->id));
  return answer;
}

HttpAnswer AnswerImports(const Services& services, HttpRequest& request) {
  constexpr std::array<std::string_view, 2> kKnown = {"after", "limit"};
  QueryParams params(request.target.params);
  if (Status s = params.Check(kKnown); !s.ok()) return Failure(s);
  const std::string* after = params.Find("after");
  const std::string* limit_text = params.Find("limit");
  uint64_t limit = kImportsPage;
  if (limit_text != nullptr) {
    auto number = ReadNumber(*limit_text, kImportsPageMax);
    if (!number || *number == 0) return Failure(Status::Invalid("limit: a number from 1 to 1000"));
    limit = *number;
  }
  auto records = services.engine.Imports(after != nullptr ? *after : std::string(), limit);
  if (!records.ok()) return Failure(records.status());
  JsonText json(4096);
  json.Raw(R"({"imports":[)");
  bool first = true;
  for (const auto& [name, record] : *records) {
    if (!std::exchange(first, false)) json.Raw(",");
    AppendRecord(name, record, &json);
  }
  json.Raw(R"(],"next":)");
  if (records->size() == limit) {
    json.Quoted(records->back().first);
  } else {
    json.Raw("null");
  }
  HttpAnswer answer;
  answer.body = json.Raw("}").Take();
  return answer;
}

HttpAnswer AnswerImportRecord(const Services& services, HttpRequest& request) {
  if (Status s = QueryParams(request.target.params).Check(std::array<std::string_view, 0>{}); !s.ok()) {
    return Failure(s);
  }
  auto record = services.engine.FindImport(request.path_value);
  if (!record.ok()) return Failure(record.status());
  if (!*record) return Failure(Status::NotFound("no file of this name was loaded, or begun"));
  JsonText json(1024);
  AppendRecord(request.path_value, **record, &json);
  HttpAnswer answer;
  answer.body = json.Take();
  return answer;
}

}  // namespace tallymark
