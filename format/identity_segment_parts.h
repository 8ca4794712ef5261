#ifndef TALLYMARK_FORMAT_IDENTITY_SEGMENT_PARTS_H_
#define TALLYMARK_FORMAT_IDENTITY_SEGMENT_PARTS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "format/identity_segment.h"
#include "format/status.h"
#include "format/time_units.h"

namespace tallymark {

// What all versions of an identity bucket (identity_segment.md) have in common; not for other users.

inline constexpr size_t kIdentityHashBytes = 16;
inline constexpr unsigned kIdentityHashBits = 128;
inline constexpr size_t kIdentityCheckBytes = 2;
inline constexpr unsigned kIdentityHourBits = 5;
inline constexpr unsigned kIdentityAdBitsMax = 32;
inline constexpr unsigned kIdentitySequenceBitsMax = 64;

inline Status BadIdentityBucket(const char* what) {
  return Status::Corruption(std::string("identity bucket: ") + what);
}

inline uint64_t LoadBigEndian64(const char* at) {
  uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap64(value);
}
inline void StoreBigEndian64(char* at, uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof value);
}

// A place as it is stored, relative to its bucket.
struct StoredPlace {
  uint64_t hour = 0;  // of the day
  uint32_t ad = 0;
  uint64_t sequence = 0;  // beyond the bucket's smallest
  uint16_t content_check = 0;
};

inline Status RestorePlace(const StoredPlace& stored, int32_t day, uint64_t sequence_min,
                           IdentityPlace* place) {
  const int64_t hour = int64_t{day} * kHoursPerDay + static_cast<int64_t>(stored.hour);
  if (stored.hour >= kHoursPerDay || hour != static_cast<int32_t>(hour))
    return BadIdentityBucket("hour outside the day");
  if (stored.sequence > std::numeric_limits<uint64_t>::max() - sequence_min)
    return BadIdentityBucket("sequence out of range");
  *place = {static_cast<int32_t>(hour), stored.ad, sequence_min + stored.sequence, stored.content_check};
  return Status::Ok();
}

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_IDENTITY_SEGMENT_PARTS_H_
