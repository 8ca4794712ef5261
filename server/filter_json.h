#ifndef TALLYMARK_SERVER_FILTER_JSON_H_
#define TALLYMARK_SERVER_FILTER_JSON_H_

#include <cstdint>
#include <string_view>

#include "format/filter_pattern.h"
#include "format/status.h"
#include "server/json_text.h"

namespace tallymark {

// Reads a filter as users write it: {"filter_id": 12, "country": "USA", "ip": "*", "user_id": 111}.
// Numbers are taken as the text they are written with. `filter_id` may be left out; where it is
// there it must be `id`. kInvalid names the field and says what is wrong.
Result<FilterDefinition> ReadFilterJson(std::string_view body, uint32_t id);

// Appends the same as JSON: {"filter_id":12,"country":"USA"}.
void AppendDefinition(uint32_t id, const FilterDefinition& definition, JsonText* json);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_FILTER_JSON_H_
