#include "tools/json_cell.h"

#include <boost/json.hpp>

#include "format/time_text.h"
#include "format/time_units.h"

namespace tallymark {

Result<boost::json::object> ParseAnswer(const std::string& body) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(body, error);
  if (error || !value.is_object()) return Status::Invalid("the server's answer is no JSON object");
  return std::move(value.as_object());
}

std::string Cell(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(boost::json::string_view(name.data(), name.size()));
  if (value == nullptr || value->is_null()) return "-";
  return value->is_string() ? std::string(value->as_string()) : boost::json::serialize(*value);
}

std::string TimeCell(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(boost::json::string_view(name.data(), name.size()));
  if (value == nullptr || !value->is_int64()) return Cell(object, name);
  return FormatRfc3339(value->as_int64() * kNsPerMs);
}

}  // namespace tallymark
