#ifndef TALLYMARK_TOOLS_EVENT_TEXT_H_
#define TALLYMARK_TOOLS_EVENT_TEXT_H_

#include <string>
#include <vector>

#include "engine/engine.h"
#include "tools/record_writer.h"

namespace tallymark {

// Raw records in the forms `tally dump` prints.

// kind, time, revenue where there is one, and the attributes as an object: as the HTTP interface
// shows events.
std::vector<RecordValue> EventRecord(const RawEvent& event);

// The same columns for every event: kind, time, each known attribute, revenue, and all others as
// one JSON object.
std::vector<RecordValue> EventRow(const RawEvent& event);

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_EVENT_TEXT_H_
