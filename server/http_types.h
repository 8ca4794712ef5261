#ifndef TALLYMARK_SERVER_HTTP_TYPES_H_
#define TALLYMARK_SERVER_HTTP_TYPES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/status.h"
#include "server/byte_budget.h"
#include "server/request_target.h"
#include "server/spool_file.h"

namespace tallymark {

// A request as handlers see it: read whole, its target parsed.
struct HttpRequest {
  RequestTarget target;
  std::string path_value;        // the segment that stands for the route's {name}; else empty
  std::string content_encoding;  // as sent
  std::string body;
  BudgetHold body_hold;              // what the body takes of Services::body_budget
  std::string peer;                  // HOST:PORT
  bool asks_first = false;           // Expect: 100-continue: the body comes when we say so
  std::unique_ptr<SpoolFile> spool;  // instead of `body`, for routes that keep bodies on disk
};

struct HttpAnswer {
  int status = 200;
  std::string_view content_type = "application/json";  // static text
  std::string body;
  std::vector<std::pair<std::string_view, std::string>> headers;  // names are static text
  bool close = false;                                             // end the connection after it
};

// Who reads an error: each API's clients expect its own JSON.
enum class ErrorStyle : uint8_t {
  kProblem,   // RFC 9457
  kInfluxV1,  // {"error":"..."}
  kInfluxV2,  // {"code":"...","message":"..."}
};

// An error answer; `detail` must say what the reader can do. 503 and 429 tell to come back in a
// second. For kProblem `extra` holds further members as JSON, each with a comma before it.
HttpAnswer ErrorAnswer(ErrorStyle style, int status, std::string_view detail, std::string_view extra = {});

// For sums that do not fit 64 bits: no number is better than a wrong one.
HttpAnswer OverflowAnswer();

// "Not Found" for 404; "Unknown" for codes the server does not use.
std::string_view ReasonPhrase(int status);

// The HTTP status for a failed query or write.
int HttpStatusOf(Code code);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_HTTP_TYPES_H_
