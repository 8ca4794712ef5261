#ifndef TALLYMARK_TOOLS_JSON_CELL_H_
#define TALLYMARK_TOOLS_JSON_CELL_H_

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "format/status.h"

namespace tallymark {

// Parses an answer's body; kInvalid when it is no JSON object.
Result<boost::json::object> ParseAnswer(const std::string& body);

// A member as a table shows it: numbers and strings as they are, times (epoch milliseconds) as
// RFC 3339, null and absent members as "-".
std::string Cell(const boost::json::object& object, std::string_view name);
std::string TimeCell(const boost::json::object& object, std::string_view name);

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_JSON_CELL_H_
