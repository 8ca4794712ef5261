#ifndef TALLYMARK_ENGINE_HOUR_RANGE_H_
#define TALLYMARK_ENGINE_HOUR_RANGE_H_

#include <cstdint>

#include "engine/answers.h"
#include "format/time_units.h"

namespace tallymark {

// Hours since the epoch, half open.
struct HourRange {
  int32_t begin = 0;
  int32_t end = 0;
};

// Those that have a minute of the range, which is not empty.
constexpr HourRange HoursOf(MinuteRange range) {
  return {HourOfMinute(range.begin), HourOfMinute(range.end - 1) + 1};
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_HOUR_RANGE_H_
