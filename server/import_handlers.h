#ifndef TALLYMARK_SERVER_IMPORT_HANDLERS_H_
#define TALLYMARK_SERVER_IMPORT_HANDLERS_H_

#include <optional>

#include "server/http_types.h"
#include "server/services.h"

namespace tallymark {

// POST /v1/imports. OpenImportBody is asked before the body is read, and gives the request its spool
// file or the refusal; AnswerImport starts the job.
std::optional<HttpAnswer> OpenImportBody(const Services& services, HttpRequest& request);
HttpAnswer AnswerImport(const Services& services, HttpRequest& request);

// GET /v1/imports: what was loaded or begun, by name. GET /v1/imports/{name}: one of them.
HttpAnswer AnswerImports(const Services& services, HttpRequest& request);
HttpAnswer AnswerImportRecord(const Services& services, HttpRequest& request);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_IMPORT_HANDLERS_H_
