#ifndef TALLYMARK_FORMAT_EVENT_SLOW_PATH_H_
#define TALLYMARK_FORMAT_EVENT_SLOW_PATH_H_

#include "format/event_parser.h"

namespace tallymark {

// EventParser::Parse with every line on the strict path: what the fast path is held against by
// tests, the fuzzer and the benchmark. Internal to format.
void ParseEventsSlowly(const EventParseOptions& options, bool want_directives, EventChunk* chunk,
                       ParseReport* report);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_EVENT_SLOW_PATH_H_
