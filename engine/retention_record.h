#ifndef TALLYMARK_ENGINE_RETENTION_RECORD_H_
#define TALLYMARK_ENGINE_RETENTION_RECORD_H_

#include <string>
#include <string_view>

#include "engine/storage.h"
#include "format/coding.h"

namespace tallymark {

// The value of meta/retention.
inline std::string EncodeRetention(int32_t raw, int32_t minutes, int32_t hours) {
  std::string out;
  PutFixed(&out, raw);
  PutFixed(&out, minutes);
  PutFixed(&out, hours);
  return out;
}

inline bool DecodeRetention(std::string_view in, RetentionPositions* positions) {
  int32_t raw = 0;
  int32_t minutes = 0;
  int32_t hours = 0;
  if (!GetFixed(&in, &raw) || !GetFixed(&in, &minutes) || !GetFixed(&in, &hours) || !in.empty()) return false;
  positions->raw = raw;
  positions->minutes = minutes;
  positions->hours = hours;
  return true;
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_RETENTION_RECORD_H_
