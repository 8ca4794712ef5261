#ifndef TALLYMARK_FORMAT_IDENTITY_SEGMENT_V1_H_
#define TALLYMARK_FORMAT_IDENTITY_SEGMENT_V1_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "format/identity_segment.h"
#include "format/status.h"

namespace tallymark {

// A bucket of version 1 (identity_segment.md), which is read and no longer written. For
// identity_segment.cc, which has checked the checksum, the version byte and the arguments.
class IdentityBucketV1 {
 public:
  // `body` is everything but the checksum and must outlive the bucket.
  static Status Open(std::string_view body, int bucket_bits, IdentityBucketV1* bucket);

  Status Find(int32_t day, const Hash128& id, std::vector<IdentityPlace>* found) const;
  Status Decode(int32_t day, uint32_t bucket, std::vector<IdentityEntry>* entries) const;

 private:
  struct Header {
    uint8_t version = 0;
    uint8_t bucket_bits = 0;
    uint8_t ad_bits = 0;
    uint8_t sequence_bits = 0;
    uint32_t count = 0;
    uint64_t sequence_min = 0;
  };
  static_assert(sizeof(Header) == 16);

  unsigned PlaceBits() const;
  Status ReadPlace(int32_t day, size_t index, IdentityPlace* place) const;
  size_t LowerBound(const char* wanted) const;
  Hash128 RestoreHash(uint32_t bucket, size_t index) const;

  Header header_;
  size_t hash_stride_ = 0;  // stored bytes of a hash
  const char* hashes_ = nullptr;
  const char* checks_ = nullptr;
  std::string_view places_;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_IDENTITY_SEGMENT_V1_H_
