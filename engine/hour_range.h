#ifndef TALLYMARK_ENGINE_HOUR_RANGE_H_
#define TALLYMARK_ENGINE_HOUR_RANGE_H_

#include <cstdint>

namespace tallymark {

// Hours since the epoch, half open.
struct HourRange {
  int32_t begin = 0;
  int32_t end = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_HOUR_RANGE_H_
