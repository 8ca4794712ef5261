#ifndef TALLYMARK_SERVER_INFO_HANDLERS_H_
#define TALLYMARK_SERVER_INFO_HANDLERS_H_

#include "server/http_types.h"
#include "server/services.h"

namespace tallymark {

// What the server says about itself, see openapi.yaml. None of these waits for the disk for long.
HttpAnswer AnswerPing(const Services& services, HttpRequest& request);    // /ping, as Influx clients expect
HttpAnswer AnswerHealth(const Services& services, HttpRequest& request);  // /health
HttpAnswer AnswerReady(const Services& services, HttpRequest& request);   // /ready
HttpAnswer AnswerStatus(const Services& services, HttpRequest& request);  // /v1/status
HttpAnswer AnswerOpenApi(const Services& services, HttpRequest& request);
HttpAnswer AnswerDashboard(const Services& services, HttpRequest& request);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_INFO_HANDLERS_H_
