#ifndef TALLYMARK_SERVER_QUERY_HANDLERS_H_
#define TALLYMARK_SERVER_QUERY_HANDLERS_H_

#include "server/http_types.h"
#include "server/services.h"

namespace tallymark {

// The query endpoints (SPEC section 7), see openapi.yaml. They may read the disk.
HttpAnswer AnswerCount(const Services& services, HttpRequest& request);     // .../aggregated_cnt
HttpAnswer AnswerTop(const Services& services, HttpRequest& request);       // /v1/ads/popular_ads
HttpAnswer AnswerSeries(const Services& services, HttpRequest& request);    // .../series
HttpAnswer AnswerSessions(const Services& services, HttpRequest& request);  // .../sessions
HttpAnswer AnswerEvents(const Services& services, HttpRequest& request);    // .../events

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_QUERY_HANDLERS_H_
