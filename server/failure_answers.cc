#include "server/failure_answers.h"

#include "format/time_units.h"

namespace tallymark {

HttpAnswer Failure(const Status& status, std::string_view extra) {
  return ErrorAnswer(ErrorStyle::kProblem, HttpStatusOf(status.code()), status.message(), extra);
}

HttpAnswer RangeFailure(const Services& services, const Status& status, MinuteRange range) {
  if (status.code() != Code::kGone) return Failure(status);
  const bool hours_gone = HourOfMinute(range.begin) < services.engine.Stats().hours_kept_from_hour;
  return Failure(status, hours_gone ? R"(,"finest_step":null)" : R"(,"finest_step":"1h")");
}

}  // namespace tallymark
