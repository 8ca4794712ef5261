#ifndef TALLYMARK_SERVER_FAILURE_ANSWERS_H_
#define TALLYMARK_SERVER_FAILURE_ANSWERS_H_

#include <string_view>

#include "engine/engine.h"
#include "server/http_types.h"
#include "server/services.h"

namespace tallymark {

// The problem that a failed Status is to who asked. `extra` holds further members as JSON, each with
// a comma before it.
HttpAnswer Failure(const Status& status, std::string_view extra = {});

// The same for counters of the range that was read: what retention took is told with the finest step
// that is left. Hours outlive minutes, unless they are gone too, or were never counted (a filter).
HttpAnswer RangeFailure(const Services& services, const Status& status, MinuteRange range);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_FAILURE_ANSWERS_H_
