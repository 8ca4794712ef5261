#include "format/identity_segment.h"

#include <algorithm>
#include <cmath>

#include "format/checksum.h"
#include "format/coding.h"
#include "format/identity_segment_parts.h"
#include "format/identity_segment_v1.h"
#include "format/identity_segment_v2.h"

namespace tallymark {
namespace {

constexpr double kEntriesPerBucket = 256;
constexpr size_t kChecksumBytes = 4;

template <class Bucket, class Use>
Status OpenAndUse(std::string_view body, int bucket_bits, Use use) {
  Bucket bucket;
  Status opened = Bucket::Open(body, bucket_bits, &bucket);
  return opened.ok() ? use(bucket) : opened;
}

// Calls use(bucket) with the bucket of whichever version, its checksum and sizes checked.
template <class Use>
Status UseBucket(std::string_view bytes, int bucket_bits, Use use) {
  if (bytes.size() <= kChecksumBytes) return BadIdentityBucket("too short");
  std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  std::string_view rest = bytes.substr(body.size());
  uint32_t stored = 0;
  if (!GetFixed(&rest, &stored) || Checksum32(body) != stored) return BadIdentityBucket("checksum mismatch");
  switch (static_cast<uint8_t>(body[0])) {
    case 1:
      return OpenAndUse<IdentityBucketV1>(body, bucket_bits, use);
    case kIdentityBucketV2:
      return OpenAndUse<IdentityBucketV2>(body, bucket_bits, use);
    default:
      return BadIdentityBucket("unknown version");
  }
}

bool BucketBitsOk(int bucket_bits) { return bucket_bits >= 0 && bucket_bits <= kIdentityBucketBitsMax; }

}  // namespace

int ChooseBucketBits(uint64_t entries) {
  const double buckets = static_cast<double>(entries) / kEntriesPerBucket;
  if (buckets <= 1) return 0;
  return std::min(static_cast<int>(std::lround(std::log2(buckets))), kIdentityBucketBitsMax);
}

Status FindIdentity(std::string_view bytes, int bucket_bits, int32_t day, const Hash128& id,
                    std::vector<IdentityPlace>* found) {
  if (!BucketBitsOk(bucket_bits)) return BadIdentityBucket("no such number of buckets");
  return UseBucket(bytes, bucket_bits, [&](const auto& bucket) { return bucket.Find(day, id, found); });
}

Status DecodeIdentityBucket(std::string_view bytes, int bucket_bits, int32_t day, uint32_t bucket,
                            std::vector<IdentityEntry>* entries) {
  if (!BucketBitsOk(bucket_bits) || (uint64_t{bucket} >> bucket_bits) != 0)
    return BadIdentityBucket("no such bucket");
  return UseBucket(bytes, bucket_bits,
                   [&](const auto& opened) { return opened.Decode(day, bucket, entries); });
}

}  // namespace tallymark
