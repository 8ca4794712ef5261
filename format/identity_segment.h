#ifndef TALLYMARK_FORMAT_IDENTITY_SEGMENT_H_
#define TALLYMARK_FORMAT_IDENTITY_SEGMENT_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/hash128.h"
#include "format/status.h"

namespace tallymark {

// Where the event of an identity is. While its raw block stands in the log, `sequence` finds it;
// once repacked, (hour, ad) does.
struct IdentityPlace {
  int32_t hour = 0;            // event hour since the epoch
  uint32_t ad = 0;             // internal ad number
  uint64_t sequence = 0;       // of the raw block
  uint16_t content_check = 0;  // see ComputeIdentity
  friend bool operator==(const IdentityPlace&, const IdentityPlace&) = default;
};

struct IdentityEntry {
  Hash128 id;
  IdentityPlace place;
};

// A segment is the sorted identities of one event day, cut into buckets by the top `bucket_bits`
// bits of the hash. A bucket is one key-value pair (layout in identity_segment.md) of some KiB,
// so that a look-up reads one block. Buckets of all versions are read; the newest is written.
inline constexpr int kIdentityBucketBitsMax = 24;

// The bucket count that puts about 256 of `entries` in a bucket: 0..kIdentityBucketBitsMax bits.
int ChooseBucketBits(uint64_t entries);
inline uint32_t BucketOf(const Hash128& id, int bucket_bits) {
  return bucket_bits == 0 ? 0 : static_cast<uint32_t>(id.hi >> (64 - bucket_bits));
}

// Appends the bytes of one bucket: `entries` sorted by id, all with the same BucketOf, all of one
// day. Equal ids may stand side by side (the same identity beyond the dedup window). May be empty.
void EncodeIdentityBucket(int bucket_bits, int32_t day, std::span<const IdentityEntry> entries,
                          std::string* out);

// Appends every entry with exactly this id to *found. `bucket` and `bucket_bits` restore the bits
// that are not stored, and `bytes` are of BucketOf(id). Corruption when checksum or structure is wrong,
// as far as the look-up reads it.
Status FindIdentity(std::string_view bytes, int bucket_bits, int32_t day, const Hash128& id,
                    std::vector<IdentityPlace>* found);

// Appends all entries of the bucket, in order. Corruption when anything is wrong; *entries may have got some.
Status DecodeIdentityBucket(std::string_view bytes, int bucket_bits, int32_t day, uint32_t bucket,
                            std::vector<IdentityEntry>* entries);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_IDENTITY_SEGMENT_H_
