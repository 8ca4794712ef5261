// Buckets from anywhere, as they come and under a checksum that fits: reading never harms, and
// whatever decodes is found again and encodes to bytes that decode to the same.

#include <algorithm>
#include <cstdlib>

#include "format/checksum.h"
#include "format/coding.h"
#include "format/identity_segment.h"

namespace {

using namespace tallymark;  // NOLINT(google-build-using-namespace)

constexpr int32_t kDay = 18'628;

void Require(bool ok) {
  if (!ok) std::abort();
}

void Check(const std::string& bytes, int bucket_bits, uint32_t bucket) {
  std::vector<IdentityPlace> found;
  (void)FindIdentity(bytes, bucket_bits, kDay, {.hi = uint64_t{bucket} << 40, .lo = 5}, &found);
  std::vector<IdentityEntry> entries;
  if (!DecodeIdentityBucket(bytes, bucket_bits, kDay, bucket, &entries).ok()) return;
  for (const IdentityEntry& entry : entries) {
    found.clear();
    Require(FindIdentity(bytes, bucket_bits, kDay, entry.id, &found).ok());
    Require(std::ranges::find(found, entry.place) != found.end());
  }
  std::string encoded;
  EncodeIdentityBucket(bucket_bits, kDay, entries, &encoded);
  // Version 1, wider columns than needed, another minimum or set padding bits decode too, but are never
  // written: the bytes may be others.
  std::vector<IdentityEntry> again;
  Require(DecodeIdentityBucket(encoded, bucket_bits, kDay, bucket, &again).ok() &&
          again.size() == entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    Require(again[i].id == entries[i].id && again[i].place == entries[i].place);
  }
}

}  // namespace

// One byte of bucket bits, three of bucket, then the bucket's bytes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  int bucket_bits = data[0] % (kIdentityBucketBitsMax + 2);
  uint32_t bucket = data[1] | data[2] << 8 | data[3] << 16;
  if (bucket_bits <= kIdentityBucketBitsMax) bucket &= (uint32_t{1} << bucket_bits) - 1;
  std::string bytes(reinterpret_cast<const char*>(data) + 4, size - 4);
  Check(bytes, bucket_bits, bucket);
  PutFixed(&bytes, Checksum32(bytes));
  Check(bytes, bucket_bits, bucket);
  return 0;
}
