#ifndef TALLYMARK_ENGINE_EVENT_LINE_H_
#define TALLYMARK_ENGINE_EVENT_LINE_H_

#include <string>

#include "engine/engine.h"

namespace tallymark {

// A line, LF included, that counts as this event did when a server reads it. A joined conversion is
// written with what it inherited, so that it counts the same whatever clicks are there; one without
// an event_id, whose identity is all that it carried, is written as it came, and joins again.
std::string EventLine(const RawEvent& event);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_EVENT_LINE_H_
