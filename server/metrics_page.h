#ifndef TALLYMARK_SERVER_METRICS_PAGE_H_
#define TALLYMARK_SERVER_METRICS_PAGE_H_

#include "server/http_types.h"
#include "server/services.h"

namespace tallymark {

// GET /metrics: Prometheus text format 0.0.4.
HttpAnswer AnswerMetrics(const Services& services, HttpRequest& request);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_METRICS_PAGE_H_
