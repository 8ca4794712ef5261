#include "server/http_types.h"

#include "format/text_encoding.h"

namespace tallymark {
namespace {

// The names that InfluxDB 2 gives its errors.
std::string_view InfluxCode(int status) {
  switch (status) {
    case 400:
      return "invalid";
    case 404:
      return "not found";
    case 405:
      return "method not allowed";
    case 413:
      return "request too large";
    case 415:
      return "unsupported media type";
    case 429:
      return "too many requests";
    case 503:
      return "unavailable";
    default:
      return "internal error";
  }
}

// Details may quote what was sent; JSON must stay UTF-8.
void AppendDetail(std::string_view detail, std::string* out) {
  if (IsUtf8(detail)) {
    AppendJsonString(detail, out);
    return;
  }
  std::string ascii(detail);
  for (char& c : ascii) {
    if (static_cast<uint8_t>(c) >= 0x80) c = '?';
  }
  AppendJsonString(ascii, out);
}

void AppendProblem(int status, std::string_view detail, std::string_view extra, std::string* out) {
  *out += R"({"type":"about:blank","title":)";
  AppendJsonString(ReasonPhrase(status), out);
  *out += ",\"status\":" + std::to_string(status) + ",\"detail\":";
  AppendDetail(detail, out);
  out->append(extra).append("}");
}

}  // namespace

HttpAnswer ErrorAnswer(ErrorStyle style, int status, std::string_view detail, std::string_view extra) {
  HttpAnswer answer;
  answer.status = status;
  if (style == ErrorStyle::kProblem) {
    answer.content_type = "application/problem+json";
    AppendProblem(status, detail, extra, &answer.body);
  } else if (style == ErrorStyle::kInfluxV1) {
    answer.body = "{\"error\":";
    AppendDetail(detail, &answer.body);
    answer.body.append(extra).append("}");
  } else {
    answer.body = "{\"code\":";
    AppendJsonString(InfluxCode(status), &answer.body);
    answer.body += ",\"message\":";
    AppendDetail(detail, &answer.body);
    answer.body.append(extra).append("}");
  }
  if (status == 503 || status == 429) answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

HttpAnswer OverflowAnswer() {
  return ErrorAnswer(ErrorStyle::kProblem, 422,
                     "the sum does not fit 64 bits, so no number is given; ask for a shorter range");
}

int HttpStatusOf(Code code) {
  switch (code) {
    case Code::kOk:
      return 200;
    case Code::kInvalid:
      return 400;
    case Code::kNotFound:
      return 404;
    case Code::kGone:
      return 422;
    case Code::kConflict:
      return 409;
    case Code::kExhausted:
      return 429;
    case Code::kUnavailable:
      return 503;
    case Code::kCorruption:
    case Code::kIo:
    case Code::kInternal:
      return 500;
  }
  return 500;
}

}  // namespace tallymark
