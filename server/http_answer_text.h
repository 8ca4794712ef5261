#ifndef TALLYMARK_SERVER_HTTP_ANSWER_TEXT_H_
#define TALLYMARK_SERVER_HTTP_ANSWER_TEXT_H_

#include <string>

#include "server/http_types.h"

namespace tallymark {

struct AnswerTextOptions {
  bool is_head = false;         // the length of the body, without the body
  bool keep_alive = false;      // else "Connection: close" is said
  bool say_keep_alive = false;  // HTTP/1.0 clients must be told
};

// Appends the answer as it goes over the wire, HTTP/1.1.
void AppendHttpAnswer(const HttpAnswer& answer, const AnswerTextOptions& options, std::string* out);

// The date of the HTTP header for a time in seconds since the epoch: "Thu, 01 Jan 1970 00:00:00 GMT".
std::string FormatHttpDate(int64_t seconds);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_HTTP_ANSWER_TEXT_H_
