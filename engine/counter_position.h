#ifndef TALLYMARK_ENGINE_COUNTER_POSITION_H_
#define TALLYMARK_ENGINE_COUNTER_POSITION_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "format/coding.h"

namespace tallymark {

// The value of positions/counters: the log position that counters and top lists on disk cover, and
// the number of the checkpoint that wrote it.
struct CounterPosition {
  uint64_t covered_sequence = 0;
  uint64_t generation = 0;

  std::string Encode() const {
    std::string out;
    PutFixed<uint8_t>(&out, 1);
    PutFixed(&out, covered_sequence);
    PutFixed(&out, generation);
    return out;
  }
  bool Decode(std::string_view in) {
    uint8_t version = 0;
    return GetFixed(&in, &version) && version == 1 && GetFixed(&in, &covered_sequence) &&
           GetFixed(&in, &generation) && in.empty();
  }
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_COUNTER_POSITION_H_
