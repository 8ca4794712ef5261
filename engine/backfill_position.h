#ifndef TALLYMARK_ENGINE_BACKFILL_POSITION_H_
#define TALLYMARK_ENGINE_BACKFILL_POSITION_H_

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "engine/meta_keys.h"
#include "format/coding.h"
#include "format/keys.h"

namespace tallymark {

// The value of positions/filter/NUMBER: how far the past of a filter's version is counted. Repacked
// blocks are read first, then those of the log. Ingested with the rows of what it covers.
struct BackfillPosition {
  enum class Phase : uint8_t { kPacked = 0, kLog = 1, kDone = 2 };

  Phase phase = Phase::kPacked;
  HourKey packed{std::numeric_limits<int32_t>::min(), 0};  // the next one to read, or where it would be
  uint64_t sequence = 0;                                   // the log's next block to read
  uint64_t events = 0;                                     // looked at so far
  uint64_t matches = 0;                                    // of this version

  std::string Encode() const {
    std::string out;
    PutFixed<uint8_t>(&out, 1);
    PutFixed(&out, static_cast<uint8_t>(phase));
    PutFixed(&out, packed.hour);
    PutFixed(&out, packed.number);
    PutFixed(&out, sequence);
    PutFixed(&out, events);
    PutFixed(&out, matches);
    return out;
  }
  bool Decode(std::string_view in) {
    uint8_t version = 0;
    uint8_t number = 0;
    if (!GetFixed(&in, &version) || version != 1 || !GetFixed(&in, &number) || number > 2) return false;
    phase = static_cast<Phase>(number);
    return GetFixed(&in, &packed.hour) && GetFixed(&in, &packed.number) && GetFixed(&in, &sequence) &&
           GetFixed(&in, &events) && GetFixed(&in, &matches) && in.empty();
  }
  bool IsAt(const BackfillPosition& other) const {
    return phase == other.phase && packed.hour == other.packed.hour && packed.number == other.packed.number &&
           sequence == other.sequence;
  }

  static std::string KeyOf(uint32_t number) {
    return std::string(kPositionFilterPrefix) + std::to_string(number);
  }
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_BACKFILL_POSITION_H_
