#ifndef TALLYMARK_SERVER_METRIC_HANDLERS_H_
#define TALLYMARK_SERVER_METRIC_HANDLERS_H_

#include <span>
#include <string>
#include <string_view>

#include "server/http_types.h"
#include "server/services.h"

namespace tallymark {

// GET /v1/ads/{ad_id}/metrics
HttpAnswer AnswerAdMetrics(const Services& services, HttpRequest& request);

// The metrics of all of `ad_ids` together, for the range and step in the request's parameters. The
// answer begins with `name` ("ad_id", "campaign_id") and the id in the request's path.
HttpAnswer AnswerMetricsOf(const Services& services, const HttpRequest& request, std::string_view name,
                           std::span<const std::string> ad_ids);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_METRIC_HANDLERS_H_
