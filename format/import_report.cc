#include "format/import_report.h"

#include <string_view>
#include <utility>

#include "format/event_utf8.h"
#include "format/text_encoding.h"

namespace tallymark {
namespace {

void AddCount(std::string_view name, uint64_t count, std::string* out) {
  if (out->back() != '{') *out += ',';
  AppendJsonString(name, out);
  *out += ':';
  *out += std::to_string(count);
}

void AddRow(const RejectedRow& row, std::string* out) {
  if (out->back() != '[') *out += ',';
  *out += '{';
  if (row.line > 0) AddCount("line", row.line, out);
  if (row.column > 0) AddCount("column", row.column, out);
  if (out->back() != '{') *out += ',';
  *out += "\"reason\":";
  AppendJsonString(row.reason, out);
  if (!row.value.empty() && IsUtf8(row.value)) {
    *out += ",\"detail\":";
    AppendJsonString(row.value, out);
  }
  *out += '}';
}

}  // namespace

void ImportReport::Reject(RejectedRow row) {
  ++rejected;
  ++reasons[row.reason];
  if (listed.size() < kListedRowsMax) listed.push_back(std::move(row));
}

std::string ImportReport::Json() const {
  std::string out = "{";
  AddCount("rows", rows, &out);
  AddCount("accepted", accepted, &out);
  AddCount("duplicates", duplicates, &out);
  AddCount("rejected", rejected, &out);
  if (unsure_duplicates > 0) AddCount("unsure_duplicates", unsure_duplicates, &out);
  out += ",\"reasons\":{";
  for (const auto& [reason, count] : reasons) AddCount(reason, count, &out);
  out += "},\"rejections\":[";
  for (const RejectedRow& row : listed) AddRow(row, &out);
  return out + "]}";
}

}  // namespace tallymark
