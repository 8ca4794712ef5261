#ifndef TALLYMARK_TOOLS_HTTP_CLIENT_H_
#define TALLYMARK_TOOLS_HTTP_CLIENT_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "format/status.h"
#include "tools/host_port.h"

namespace tallymark {

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // The header's value, empty when it is absent. `name` in lower case.
  std::string_view Header(const std::string& name) const;
};

// One connection to a server's HTTP port, kept open from request to request and opened again when
// it was lost. Blocking with time limits; one thread.
class HttpClient {
 public:
  static std::unique_ptr<HttpClient> Create(const HostPort& address);
  virtual ~HttpClient() = default;

  // kUnavailable: no connection could be made, so the server has not seen the request. kIo: the
  // connection was lost or nothing came for too long; whether the request took effect is unknown.
  // Any answer of the server, errors too, is a value.
  virtual Result<HttpAnswer> Get(const std::string& target) = 0;
  virtual Result<HttpAnswer> Post(const std::string& target, std::string_view content_type,
                                  std::string_view body) = 0;
  virtual Result<HttpAnswer> Put(const std::string& target, std::string_view content_type,
                                 std::string_view body) = 0;
};

// "/v1/ads/ad%207/series?from=1&to=2": segments and values are percent-encoded, parameters with
// empty values are left out.
std::string HttpTarget(const std::vector<std::string>& segments,
                       const std::vector<std::pair<std::string, std::string>>& parameters);

// What an answer that is no success says to a person: the problem's detail, Influx's message or
// error, else the status and the beginning of the body.
std::string ErrorDetail(const HttpAnswer& answer);

// GET that must succeed with 200: the body, or kInvalid with the server's words.
Result<std::string> Fetch(HttpClient* client, const std::string& target);

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_HTTP_CLIENT_H_
