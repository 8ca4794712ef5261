#ifndef TALLYMARK_SERVER_REQUEST_TARGET_H_
#define TALLYMARK_SERVER_REQUEST_TARGET_H_

#include <string>
#include <string_view>
#include <vector>

#include "format/status.h"

namespace tallymark {

inline constexpr size_t kMaxTargetBytes = 8 * 1024;
inline constexpr size_t kMaxQueryParams = 64;
inline constexpr size_t kMaxPathSegments = 16;

struct QueryParam {
  std::string name;
  std::string value;
};

// The target of an HTTP request, decoded: "/v1/ads/a%2Fb/series?from=1" has the segments "v1",
// "ads", "a/b", "series".
struct RequestTarget {
  std::vector<std::string> segments;
  std::vector<QueryParam> params;  // in the order of the URL
};

// Splits the path at '/' and the query at '&' and '=', then percent-decodes the parts; '+' is a
// plus. Accepts the absolute form ("http://host/path"). kInvalid: a bad escape, no leading '/', a
// fragment, or more parts than the bounds above.
Status ParseRequestTarget(std::string_view target, RequestTarget* out);

// The parameters of one request, looked up by name. Points into a RequestTarget, which must outlive
// it.
class QueryParams {
 public:
  explicit QueryParams(const std::vector<QueryParam>& params) : params_(params) {}

  // Null when the parameter is absent. With duplicates, the first.
  const std::string* Find(std::string_view name) const;

  // kInvalid when a parameter is not among `known` or comes twice.
  template <class Names>
  Status Check(const Names& known) const {
    for (size_t i = 0; i < params_.size(); ++i) {
      bool found = false;
      for (std::string_view name : known) found = found || name == params_[i].name;
      if (!found) return Unknown(params_[i].name);
      if (Find(params_[i].name) != &params_[i].value) return Twice(params_[i].name);
    }
    return Status::Ok();
  }

 private:
  static Status Unknown(const std::string& name);
  static Status Twice(const std::string& name);

  const std::vector<QueryParam>& params_;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_REQUEST_TARGET_H_
