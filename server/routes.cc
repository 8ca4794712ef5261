#include "server/routes.h"

#include <algorithm>
#include <array>

#include "server/catalogue_handlers.h"
#include "server/filter_handlers.h"
#include "server/import_handlers.h"
#include "server/info_handlers.h"
#include "server/job_handlers.h"
#include "server/metric_handlers.h"
#include "server/metrics_page.h"
#include "server/query_handlers.h"
#include "server/recount_handlers.h"
#include "server/write_handler.h"

namespace tallymark {
namespace {

constexpr auto kRoutes = std::to_array<Route>({
    {.method = HttpMethod::kGet,
     .pattern = "/v1/ads/{ad_id}/aggregated_cnt",
     .answer = AnswerCount,
     .at_once = true},
    {.method = HttpMethod::kGet,
     .pattern = "/v1/ads/{ad_id}/aggregated_count",
     .answer = AnswerCount,
     .at_once = true},
    {.method = HttpMethod::kGet, .pattern = "/v1/ads/popular_ads", .answer = AnswerTop},
    {.method = HttpMethod::kGet, .pattern = "/v1/ads/{ad_id}/series", .answer = AnswerSeries},
    {.method = HttpMethod::kGet, .pattern = "/v1/ads/{ad_id}/metrics", .answer = AnswerAdMetrics},
    {.method = HttpMethod::kGet, .pattern = "/v1/ads/{ad_id}/events", .answer = AnswerEvents},
    {.method = HttpMethod::kGet, .pattern = "/v1/ads/{ad_id}/sessions", .answer = AnswerSessions},
    {.method = HttpMethod::kPut, .pattern = "/v1/ads/{ad_id}", .answer = AnswerPutAd},
    {.method = HttpMethod::kGet, .pattern = "/v1/ads/{ad_id}", .answer = AnswerGetAd},
    {.method = HttpMethod::kDelete, .pattern = "/v1/ads/{ad_id}", .answer = AnswerDeleteAd},
    {.method = HttpMethod::kGet, .pattern = "/v1/campaigns/{id}/top_banners", .answer = AnswerTopBanners},
    {.method = HttpMethod::kGet, .pattern = "/v1/campaigns/{id}/metrics", .answer = AnswerCampaignMetrics},
    {.method = HttpMethod::kGet,
     .pattern = "/v1/advertisers/{id}/metrics",
     .answer = AnswerAdvertiserMetrics},
    {.method = HttpMethod::kPost,
     .pattern = "/write",
     .errors = ErrorStyle::kInfluxV1,
     .answer_later = AnswerWriteV1},
    {.method = HttpMethod::kPost,
     .pattern = "/api/v2/write",
     .errors = ErrorStyle::kInfluxV2,
     .answer_later = AnswerWriteV2},
    {.method = HttpMethod::kGet, .pattern = "/ping", .answer = AnswerPing, .at_once = true},
    {.method = HttpMethod::kGet, .pattern = "/health", .answer = AnswerHealth, .at_once = true},
    {.method = HttpMethod::kGet, .pattern = "/ready", .answer = AnswerReady, .at_once = true},
    {.method = HttpMethod::kGet, .pattern = "/v1/status", .answer = AnswerStatus},
    {.method = HttpMethod::kGet, .pattern = "/v1/filters", .answer = AnswerFilters},
    {.method = HttpMethod::kGet, .pattern = "/v1/filters/{id}", .answer = AnswerFilter},
    {.method = HttpMethod::kPut, .pattern = "/v1/filters/{id}", .answer = AnswerPutFilter},
    {.method = HttpMethod::kDelete, .pattern = "/v1/filters/{id}", .answer = AnswerDeleteFilter},
    {.method = HttpMethod::kPost,
     .pattern = "/v1/imports",
     .answer = AnswerImport,
     .open_body = OpenImportBody},
    {.method = HttpMethod::kGet, .pattern = "/v1/imports", .answer = AnswerImports},
    {.method = HttpMethod::kGet, .pattern = "/v1/imports/{name}", .answer = AnswerImportRecord},
    {.method = HttpMethod::kGet, .pattern = "/v1/jobs", .answer = AnswerJobs},
    {.method = HttpMethod::kGet, .pattern = "/v1/jobs/{id}", .answer = AnswerJob},
    {.method = HttpMethod::kDelete, .pattern = "/v1/jobs/{id}", .answer = AnswerCancelJob},
    {.method = HttpMethod::kPost, .pattern = "/v1/reconcile", .answer = AnswerReconcile},
    {.method = HttpMethod::kPost, .pattern = "/v1/recompute", .answer = AnswerRecompute},
    {.method = HttpMethod::kGet, .pattern = "/metrics", .answer = AnswerMetrics},
    {.method = HttpMethod::kGet, .pattern = "/openapi.yaml", .answer = AnswerOpenApi},
    {.method = HttpMethod::kGet, .pattern = "/", .answer = AnswerDashboard},
});
static_assert(kRoutes.size() < ServerMetrics::kRoutesMax);
static_assert(std::ranges::all_of(kRoutes, [](const Route& r) { return !r.at_once || r.answer != nullptr; }));

// Compares segment by segment; *value is the one that stands for {name}.
bool Matches(std::string_view pattern, const std::vector<std::string>& segments, const std::string** value) {
  size_t i = 0;
  pattern.remove_prefix(1);
  for (bool more = true; more; ++i) {
    size_t slash = pattern.find('/');
    std::string_view part = pattern.substr(0, slash);
    more = slash != std::string_view::npos;
    if (more) pattern.remove_prefix(slash + 1);
    if (i == segments.size()) return false;
    if (part.starts_with('{')) {
      *value = &segments[i];
    } else if (part != segments[i]) {
      return false;
    }
  }
  return i == segments.size();
}

void AddAllowed(HttpMethod method, std::string* allowed) {
  if (!allowed->empty()) *allowed += ", ";
  *allowed += HttpMethodName(method);
  if (method == HttpMethod::kGet) *allowed += ", HEAD";
}

}  // namespace

std::string_view HttpMethodName(HttpMethod method) {
  constexpr std::array<std::string_view, 6> kNames = {"GET", "HEAD", "POST", "PUT", "DELETE", "OTHER"};
  return kNames[static_cast<size_t>(method)];
}

std::span<const Route> Routes() { return kRoutes; }

RouteMatch MatchRoute(HttpMethod method, const std::vector<std::string>& segments) {
  RouteMatch match;
  HttpMethod asked = method == HttpMethod::kHead ? HttpMethod::kGet : method;
  for (const Route& route : kRoutes) {
    const std::string* value = nullptr;
    if (!Matches(route.pattern, segments, &value)) continue;
    if (route.method == asked) {
      match.route = &route;
      match.index = static_cast<size_t>(&route - kRoutes.data());
      match.path_value = value;
      return match;
    }
    AddAllowed(route.method, &match.allowed);
  }
  return match;
}

}  // namespace tallymark
