#include "tools/event_text.h"

#include <algorithm>

#include "format/decimal.h"

namespace tallymark {
namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

bool IsKnown(const std::string& name) {
  for (int i = 0; i < kFieldCount; ++i) {
    if (name == FieldName(static_cast<Field>(i))) return true;
  }
  return false;
}

std::string AttributesJson(const Attributes& attributes, bool known_too) {
  std::string json = "{";
  for (const auto& [name, value] : attributes) {
    if (!known_too && IsKnown(name)) continue;
    if (json.size() > 1) json += ',';
    json += JsonText(name);
    json += ':';
    json += JsonText(value);
  }
  return json + "}";
}

}  // namespace

std::vector<RecordValue> EventRecord(const RawEvent& event) {
  std::vector<RecordValue> record = {{"kind", std::string(EventKindName(event.kind))},
                                     {"time", std::to_string(event.time_ns)}};
  if (event.revenue_micros) record.push_back({"revenue", FormatMicros(*event.revenue_micros)});
  record.push_back({"attributes", AttributesJson(event.attributes, true), RecordValue::Type::kJson});
  return record;
}

std::vector<RecordValue> EventRow(const RawEvent& event) {
  std::vector<RecordValue> row = {{"kind", std::string(EventKindName(event.kind))},
                                  {"time", std::to_string(event.time_ns)}};
  for (int i = 0; i < kFieldCount; ++i) {
    std::string_view name = FieldName(static_cast<Field>(i));
    auto found = std::find_if(event.attributes.begin(), event.attributes.end(),
                              [name](const auto& attribute) { return attribute.first == name; });
    row.push_back({name, found == event.attributes.end() ? "" : found->second});
  }
  row.push_back({"revenue", event.revenue_micros ? FormatMicros(*event.revenue_micros) : ""});
  row.push_back({"attributes", AttributesJson(event.attributes, false), RecordValue::Type::kJson});
  return row;
}

}  // namespace tallymark
