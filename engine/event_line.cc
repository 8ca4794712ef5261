#include "engine/event_line.h"

#include <algorithm>

#include "format/line_writer.h"

namespace tallymark {
namespace {

bool HasEventId(const RawEvent& event) {
  return std::any_of(event.attributes.begin(), event.attributes.end(),
                     [](const auto& attribute) { return attribute.first == FieldName(Field::kEventId); });
}

}  // namespace

std::string EventLine(const RawEvent& event) {
  const bool own_only = !event.inherited.empty() && !HasEventId(event);
  std::string text;
  LineWriter line(EventKindName(event.kind), &text);
  for (const auto& [name, value] : event.attributes) {
    const bool inherited =
        std::find(event.inherited.begin(), event.inherited.end(), name) != event.inherited.end();
    if (!own_only || !inherited) line.AddText(name, value);
  }
  if (event.revenue_micros) line.AddMicros("revenue", *event.revenue_micros);
  line.Finish(event.time_ns);
  return text;
}

}  // namespace tallymark
