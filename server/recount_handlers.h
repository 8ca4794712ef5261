#ifndef TALLYMARK_SERVER_RECOUNT_HANDLERS_H_
#define TALLYMARK_SERVER_RECOUNT_HANDLERS_H_

#include "server/http_types.h"
#include "server/services.h"

namespace tallymark {

// Recounts on demand (SPEC section 11), see openapi.yaml. Each begins a job and answers 202 with it.
HttpAnswer AnswerReconcile(const Services& services, HttpRequest& request);  // POST /v1/reconcile
HttpAnswer AnswerRecompute(const Services& services, HttpRequest& request);  // POST /v1/recompute

// Tells the engine what these jobs do, so that it takes up those that a restart left unfinished.
// `engine` outlives them.
void AddRecountJobs(Engine* engine);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_RECOUNT_HANDLERS_H_
