#ifndef TALLYMARK_FORMAT_KEYS_H_
#define TALLYMARK_FORMAT_KEYS_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace tallymark {

// Keys of every column family, big endian so that bytewise order is numeric order; signed buckets
// have their sign bit flipped for the same reason. Layouts in keys.md. Decode* return false on a
// key of the wrong size.

struct RawKey {  // column family `raw`
  uint64_t sequence = 0;
  std::string Encode() const;
  static bool Decode(std::string_view key, RawKey* out);
};

struct HourKey {  // `raw_hours` (hour, sequence) and `packed` (hour, number)
  int32_t hour = 0;
  uint64_t number = 0;
  std::string Encode() const;
  static bool Decode(std::string_view key, HourKey* out);
};

struct CounterKey {  // `counters`; the first 8 bytes (ad, filter) are the bloom prefix
  uint32_t ad = 0;
  uint32_t filter = 0;
  int32_t hour = 0;
  static constexpr size_t kSize = 12;
  static constexpr size_t kPrefixSize = 8;
  std::string Encode() const;
  void EncodeTo(char out[kSize]) const;
  static bool Decode(std::string_view key, CounterKey* out);
};

struct DistinctKey {  // `distinct`; the first 4 bytes (ad) are the bloom prefix
  uint32_t ad = 0;
  int32_t hour = 0;
  static constexpr size_t kSize = 8;
  static constexpr size_t kPrefixSize = 4;
  std::string Encode() const;
  static bool Decode(std::string_view key, DistinctKey* out);
};

struct IdentityKey {  // `identities`
  int32_t day = 0;
  uint32_t segment = 0;
  uint32_t bucket = 0;
  std::string Encode() const;
  static bool Decode(std::string_view key, IdentityKey* out);
};

struct AdKey {  // `ads`: a run of names beginning with this number
  uint32_t number = 0;
  std::string Encode() const;
  static bool Decode(std::string_view key, AdKey* out);
};

struct JobKey {  // `jobs`
  uint64_t id = 0;
  std::string Encode() const;
  static bool Decode(std::string_view key, JobKey* out);
};

struct FilterKey {  // `filters`
  uint32_t id = 0;  // as users know it
  std::string Encode() const;
  static bool Decode(std::string_view key, FilterKey* out);
};

struct TopKey {        // `top_minutes`, `top_hours`
  int32_t bucket = 0;  // minute or hour
  uint32_t filter = 0;
  uint8_t metric = 0;
  uint64_t generation = 0;  // of the checkpoint that wrote it
  uint16_t chunk = 0;
  std::string Encode() const;
  static bool Decode(std::string_view key, TopKey* out);
  // The 9 bytes (bucket, filter, metric) every chunk of one list begins with.
  std::string EncodePrefix() const;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_KEYS_H_
