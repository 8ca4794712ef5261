#include "server/info_handlers.h"

#include <algorithm>
#include <array>
#include <optional>

#include "format/time_text.h"
#include "format/time_units.h"
#include "server/embedded.h"
#include "server/job_handlers.h"
#include "server/json_text.h"

namespace tallymark {
namespace {

int64_t UptimeSeconds(const Services& services) {
  return std::max<int64_t>(0, (services.clock.NowNs() - services.started_ns) / kNsPerSecond);
}

std::optional<HttpAnswer> RefuseParams(const HttpRequest& request) {
  Status status = QueryParams(request.target.params).Check(std::array<std::string_view, 0>{});
  if (status.ok()) return std::nullopt;
  return ErrorAnswer(ErrorStyle::kProblem, 400, status.message());
}

}  // namespace

HttpAnswer AnswerPing(const Services& /*services*/, HttpRequest& request) {
  HttpAnswer answer;
  const std::string* verbose = QueryParams(request.target.params).Find("verbose");
  bool told = verbose != nullptr && *verbose != "0" && *verbose != "false";
  answer.status = told ? 200 : 204;
  if (told) answer.body = JsonText().Raw(R"({"version":)").Quoted(kVersion).Raw("}").Take();
  answer.headers.emplace_back("X-Influxdb-Version", kVersion);
  answer.headers.emplace_back("X-Influxdb-Build", "Tallymark");
  return answer;
}

HttpAnswer AnswerHealth(const Services& services, HttpRequest& /*request*/) {
  Status health = services.engine.WriteHealth();
  JsonText json;
  json.Raw(R"({"name":"tallymark","message":)");
  json.Quoted(health.ok() ? "ready for queries and writes" : health.message());
  json.Raw(health.ok() ? R"(,"status":"pass")" : R"(,"status":"fail")");
  json.Raw(R"(,"checks":[],"version":)").Quoted(kVersion).Raw("}");
  HttpAnswer answer;
  answer.status = health.ok() ? 200 : 503;
  answer.body = json.Take();
  if (!health.ok()) answer.headers.emplace_back("Retry-After", "5");
  return answer;
}

HttpAnswer AnswerReady(const Services& services, HttpRequest& /*request*/) {
  JsonText json;
  json.Raw(R"({"status":"ready","started":)").Quoted(FormatRfc3339(services.started_ns));
  json.Raw(R"(,"up":")").Number(UptimeSeconds(services)).Raw("s\"}");
  HttpAnswer answer;
  answer.body = json.Take();
  return answer;
}

HttpAnswer AnswerStatus(const Services& services, HttpRequest& request) {
  if (std::optional<HttpAnswer> refusal = RefuseParams(request)) return *std::move(refusal);
  EngineStats stats = services.engine.Stats();
  std::optional<int64_t> watermark = services.engine.WatermarkMs();
  std::optional<int64_t> lag;
  if (watermark) lag = services.clock.NowNs() / kNsPerMs - *watermark;
  JsonText json(512);
  json.Raw(R"({"version":)").Quoted(kVersion);
  json.Raw(R"(,"uptime_s":)").Number(UptimeSeconds(services));
  json.Raw(R"(,"events":{"accepted":)").Number(stats.accepted);
  json.Raw(R"(,"duplicates":)").Number(stats.duplicates);
  json.Raw(R"(,"rejected":)").Number(services.metrics.RejectedTotal());
  json.Raw(R"(,"stored":)").Number(stats.events_stored);
  json.Raw(R"(},"watermark":)").NumberOrNull(watermark);
  json.Raw(R"(,"lag_ms":)").NumberOrNull(lag);
  json.Raw(R"(,"ads":)").Number(stats.ads);
  json.Raw(R"(,"waiting_conversions":)").Number(stats.waiting_conversions);
  json.Raw(R"(,"disk_bytes":)").Number(stats.disk_bytes);
  json.Raw(R"(,"writable":)").Bool(stats.writable);
  json.Raw(R"(,"jobs":)");
  AppendJobs(services.engine.Jobs(), &json);
  json.Raw("}");
  HttpAnswer answer;
  answer.body = json.Take();
  return answer;
}

HttpAnswer AnswerOpenApi(const Services& /*services*/, HttpRequest& /*request*/) {
  HttpAnswer answer;
  answer.content_type = "application/yaml";
  answer.body = OpenApiYaml();
  return answer;
}

HttpAnswer AnswerDashboard(const Services& /*services*/, HttpRequest& /*request*/) {
  HttpAnswer answer;
  answer.content_type = "text/html; charset=utf-8";
  answer.body = DashboardHtml();
  return answer;
}

}  // namespace tallymark
