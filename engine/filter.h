#ifndef TALLYMARK_ENGINE_FILTER_H_
#define TALLYMARK_ENGINE_FILTER_H_

#include <cstdint>
#include <optional>

#include "format/filter_pattern.h"

namespace tallymark {

// A filter as others see it.
struct FilterInfo {
  uint32_t id = 0;
  FilterDefinition definition;  // the newest; `ready` says whether its counts are whole
  bool ready = false;
  double progress = 0;  // share of the past that is counted, 1 when ready
  uint64_t job = 0;     // that counts the past, or has counted it
  // While a redefinition is counted, queries answer with the counts of this one, which are whole.
  std::optional<FilterDefinition> counted;
  // Raw records of earlier hours were not all kept any more when the past was counted: counts of
  // these hours may lack them. Epoch milliseconds; empty: nothing was gone.
  std::optional<int64_t> complete_from_ms;
};

struct FilterReadiness {
  bool ready = true;
  double progress = 1;
};

inline constexpr size_t kFiltersMax = 2000;

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FILTER_H_
