#include "server/failure_answers.h"

#include "format/time_units.h"

namespace tallymark {

HttpAnswer Failure(const Status& status, std::string_view extra) {
  return ErrorAnswer(ErrorStyle::kProblem, HttpStatusOf(status.code()), status.message(), extra);
}

HttpAnswer RangeFailure(const Services& services, const Status& status, MinuteRange range) {
  if (status.code() != Code::kGone) return Failure(status);
  // A coarser step helps where hours are kept and minutes are what is missing.
  const EngineStats stats = services.engine.Stats();
  const int32_t first = HourOfMinute(range.begin);
  const bool no_step = first < stats.hours_kept_from_hour || first >= stats.minutes_kept_from_hour;
  return Failure(status, no_step ? R"(,"finest_step":null)" : R"(,"finest_step":"1h")");
}

}  // namespace tallymark
