#ifndef TALLYMARK_ENGINE_LOG_STATE_H_
#define TALLYMARK_ENGINE_LOG_STATE_H_

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "format/coding.h"

namespace tallymark {

// What is true of the log after its newest batch. Written to `meta` by the batch's own WriteBatch,
// so that an emptied (repacked) log is not taken for a short one.
struct LogState {
  uint64_t last_sequence = 0;                               // of raw blocks; 0 before the first
  uint64_t events = 0;                                      // accepted since the directory was made
  int64_t newest_ns = std::numeric_limits<int64_t>::min();  // newest event time; min when there is none
  uint32_t ads = 0;                                         // names given numbers 0..ads-1

  std::string Encode() const {
    std::string out;
    PutFixed<uint8_t>(&out, 1);
    PutFixed(&out, last_sequence);
    PutFixed(&out, events);
    PutFixed(&out, newest_ns);
    PutFixed(&out, ads);
    return out;
  }
  bool Decode(std::string_view in) {
    uint8_t version = 0;
    return GetFixed(&in, &version) && version == 1 && GetFixed(&in, &last_sequence) &&
           GetFixed(&in, &events) && GetFixed(&in, &newest_ns) && GetFixed(&in, &ads) && in.empty();
  }
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_LOG_STATE_H_
