#ifndef TALLYMARK_SERVER_FILTER_HANDLERS_H_
#define TALLYMARK_SERVER_FILTER_HANDLERS_H_

#include "server/http_types.h"
#include "server/services.h"

namespace tallymark {

// Filters, see openapi.yaml.
HttpAnswer AnswerFilters(const Services& services, HttpRequest& request);       // GET /v1/filters
HttpAnswer AnswerFilter(const Services& services, HttpRequest& request);        // GET /v1/filters/{id}
HttpAnswer AnswerPutFilter(const Services& services, HttpRequest& request);     // PUT
HttpAnswer AnswerDeleteFilter(const Services& services, HttpRequest& request);  // DELETE

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_FILTER_HANDLERS_H_
