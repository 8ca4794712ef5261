#ifndef TALLYMARK_SERVER_ROUTES_H_
#define TALLYMARK_SERVER_ROUTES_H_

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/http_types.h"
#include "server/services.h"

namespace tallymark {

enum class HttpMethod : uint8_t { kGet, kHead, kPost, kPut, kDelete, kOther };
std::string_view HttpMethodName(HttpMethod method);

// One endpoint. GET routes answer HEAD as well. Exactly one of the two handlers is set, and neither lets an
// exception out. They run on a worker and may take long and read the disk, unless `at_once` is set.
struct Route {
  using Answer = HttpAnswer (*)(const Services& services, HttpRequest& request);
  using AnswerLater = boost::asio::awaitable<HttpAnswer> (*)(const Services& services, HttpRequest& request);

  HttpMethod method = HttpMethod::kGet;
  std::string_view pattern;  // "/v1/ads/{ad_id}/series"; {name} stands for any one segment
  ErrorStyle errors = ErrorStyle::kProblem;
  Answer answer = nullptr;
  AnswerLater answer_later = nullptr;
  // `answer` takes microseconds as a rule and reads no more than one ad's counters: it runs where the
  // request was read, since changing threads would take as long.
  bool at_once = false;
  // Where bodies are too large for memory: called before the body is read; gives the request a spool
  // file that takes it, or the answer that refuses it.
  using OpenBody = std::optional<HttpAnswer> (*)(const Services& services, HttpRequest& request);
  OpenBody open_body = nullptr;
};

// Every endpoint of the server: routing, 405, metrics and the OpenAPI document go by this table.
std::span<const Route> Routes();

// What a request asks for. Without a route, `allowed` tells whether another method would have
// found one ("GET, HEAD": a 405) or none (empty: a 404).
struct RouteMatch {
  const Route* route = nullptr;
  size_t index = 0;  // of the route in Routes()
  const std::string* path_value = nullptr;
  std::string allowed;
};
RouteMatch MatchRoute(HttpMethod method, const std::vector<std::string>& segments);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_ROUTES_H_
