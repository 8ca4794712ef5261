#ifndef TALLYMARK_FORMAT_IDENTITY_SEGMENT_V2_H_
#define TALLYMARK_FORMAT_IDENTITY_SEGMENT_V2_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/identity_segment.h"
#include "format/identity_segment_parts.h"
#include "format/status.h"

namespace tallymark {

// A bucket of version 2 (identity_segment.md): what encoder and decoder share, and the decoder. Users
// of buckets need identity_segment.h only.

inline constexpr uint8_t kIdentityBucketV2 = 2;
inline constexpr unsigned kIdentitySlotBitsMax = 16;
// In place of an hour of the day: each entry has its own.
inline constexpr uint8_t kIdentityHourEach = 255;
// Added to the step of ad classes, to tell it from a width.
inline constexpr uint8_t kIdentityAdClasses = 0x80;
inline constexpr unsigned kIdentityAdClassBits = 2;
inline constexpr unsigned kIdentityAdStepMax = kIdentityAdBitsMax >> kIdentityAdClassBits;

struct IdentityBucketHeader {
  uint8_t bucket_bits = 0;
  uint8_t slot_bits = 0;  // bits of the hash, after the bucket's, that choose its slot
  uint8_t hour = kIdentityHourEach;
  uint8_t ads = 0;  // width of each, or kIdentityAdClasses + step
  uint8_t sequence_bits = 0;
  uint32_t count = 0;
  uint64_t sequence_min = 0;

  void Put(std::string* out) const;
  // Takes it from the front of *in. Corruption: cut off, another bucket_bits, or values out of range.
  Status Get(std::string_view* in, int expected_bucket_bits);

  unsigned ImpliedBits() const { return bucket_bits + slot_bits; }
  size_t RemainderBytes() const { return (kIdentityHashBits - ImpliedBits()) / 8; }
  size_t SlotMapBits() const { return count + (size_t{1} << slot_bits); }
  unsigned HourBits() const { return hour == kIdentityHourEach ? kIdentityHourBits : 0; }
  bool HasAdClasses() const { return (ads & kIdentityAdClasses) != 0; }
  // An ad of class c takes c + 1 units of this; without classes, all are of class 0.
  unsigned AdUnitBits() const { return ads & ~unsigned{kIdentityAdClasses}; }
};

// The slot of a hash.
inline uint64_t IdentitySlot(const Hash128& id, const IdentityBucketHeader& header) {
  return header.slot_bits == 0 ? 0 : id.hi << header.bucket_bits >> (64 - header.slot_bits);
}

// What is stored of a hash without its first `implied` bits (0..40), as two words that overlap: its
// first 8 bytes and its last 8.
struct IdentityRemainder {
  uint64_t first = 0;
  uint64_t last = 0;
  friend bool operator==(const IdentityRemainder&, const IdentityRemainder&) = default;
};
inline IdentityRemainder RemainderOf(const Hash128& id, unsigned implied) {
  return {implied == 0 ? id.hi : id.hi << implied | id.lo >> (64 - implied), id.lo};
}

// For identity_segment.cc, which has checked the checksum, the version byte and the arguments.
class IdentityBucketV2 {
 public:
  // `body` is everything but the checksum and must outlive the bucket.
  static Status Open(std::string_view body, int bucket_bits, IdentityBucketV2* bucket);

  Status Find(int32_t day, const Hash128& id, std::vector<IdentityPlace>* found) const;
  Status Decode(int32_t day, uint32_t bucket, std::vector<IdentityEntry>* entries) const;

 private:
  // The entries of a slot: [*begin, *end). False: the slots do not fit the entries.
  bool FindSlot(size_t slot, size_t* begin, size_t* end) const;
  IdentityRemainder RemainderAt(size_t index) const;
  bool AdsFit() const;  // as many as the classes say
  // Of the entry at `index`: how many units the ads before it take, and its own.
  size_t AdUnitsBefore(size_t index) const;
  unsigned AdUnits(size_t index) const;
  Status ReadPlace(int32_t day, size_t index, size_t ad_units_before, IdentityPlace* place) const;

  IdentityBucketHeader header_;
  std::string_view slots_, remainders_, checks_, hours_, sequences_, ad_classes_, ads_;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_IDENTITY_SEGMENT_V2_H_
