#ifndef TALLYMARK_ENGINE_DISTINCT_POSITION_H_
#define TALLYMARK_ENGINE_DISTINCT_POSITION_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "format/coding.h"

namespace tallymark {

// The value of positions/distinct: the log position that `distinct` covers, and from which hour on
// it lacks nothing.
struct DistinctPosition {
  uint64_t covered_sequence = 0;
  // Hours since the epoch; INT32_MIN: every hour.
  int32_t complete_from = INT32_MIN;
  // False while distinct counts are switched off: the log goes on without them.
  bool active = true;

  std::string Encode() const {
    std::string out;
    PutFixed<uint8_t>(&out, 1);
    PutFixed(&out, covered_sequence);
    PutFixed(&out, complete_from);
    PutFixed<uint8_t>(&out, active ? 1 : 0);
    return out;
  }
  bool Decode(std::string_view in) {
    uint8_t version = 0;
    uint8_t flags = 0;
    if (!GetFixed(&in, &version) || version != 1 || !GetFixed(&in, &covered_sequence) ||
        !GetFixed(&in, &complete_from) || !GetFixed(&in, &flags) || flags > 1 || !in.empty()) {
      return false;
    }
    active = flags == 1;
    return true;
  }
  friend bool operator==(const DistinctPosition&, const DistinctPosition&) = default;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_DISTINCT_POSITION_H_
