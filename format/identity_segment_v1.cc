#include "format/identity_segment_v1.h"

#include <cstring>

#include "format/bit_pack.h"
#include "format/identity_segment_parts.h"

namespace tallymark {
namespace {

size_t SkippedBytes(int bucket_bits) { return static_cast<size_t>(bucket_bits / 8); }

void HashToBytes(const Hash128& id, char out[kIdentityHashBytes]) {
  StoreBigEndian64(out, id.hi);
  StoreBigEndian64(out + sizeof id.hi, id.lo);
}

}  // namespace

Status IdentityBucketV1::Open(std::string_view body, int bucket_bits, IdentityBucketV1* bucket) {
  if (body.size() < sizeof(Header)) return BadIdentityBucket("too short");
  Header& h = bucket->header_;
  std::memcpy(&h, body.data(), sizeof h);
  if (h.bucket_bits != bucket_bits) return BadIdentityBucket("cut for another number of buckets");
  if (h.ad_bits > kIdentityAdBitsMax || h.sequence_bits > kIdentitySequenceBitsMax)
    return BadIdentityBucket("bad width");
  bucket->hash_stride_ = kIdentityHashBytes - SkippedBytes(bucket_bits);
  const size_t count = h.count;
  const size_t place_bytes = PackedBytes(count, bucket->PlaceBits());
  if (body.size() != sizeof(Header) + count * (bucket->hash_stride_ + kIdentityCheckBytes) + place_bytes)
    return BadIdentityBucket("wrong size");
  bucket->hashes_ = body.data() + sizeof(Header);
  bucket->checks_ = bucket->hashes_ + count * bucket->hash_stride_;
  bucket->places_ = body.substr(body.size() - place_bytes);
  return Status::Ok();
}

unsigned IdentityBucketV1::PlaceBits() const {
  return kIdentityHourBits + header_.ad_bits + header_.sequence_bits;
}

Status IdentityBucketV1::ReadPlace(int32_t day, size_t index, IdentityPlace* place) const {
  const size_t hour_bit = index * PlaceBits();
  const size_t ad_bit = hour_bit + kIdentityHourBits;
  StoredPlace stored{
      .hour = BitsAt(places_, hour_bit, kIdentityHourBits),
      .ad = static_cast<uint32_t>(BitsAt(places_, ad_bit, header_.ad_bits)),
      .sequence = BitsAt(places_, ad_bit + header_.ad_bits, header_.sequence_bits),
  };
  std::memcpy(&stored.content_check, checks_ + index * kIdentityCheckBytes, kIdentityCheckBytes);
  return RestorePlace(stored, day, header_.sequence_min, place);
}

// The first entry whose stored hash is not below `wanted`. Hashes are uniform, but halving without
// a branch to mispredict beats interpolation at these sizes.
size_t IdentityBucketV1::LowerBound(const char* wanted) const {
  const uint64_t key = LoadBigEndian64(wanted);
  const char* base = hashes_;
  size_t left = header_.count;
  if (left == 0) return 0;
  while (left > 1) {
    const size_t half = left / 2;
    base +=
        static_cast<size_t>(LoadBigEndian64(base + (half - 1) * hash_stride_) < key) * (half * hash_stride_);
    left -= half;
  }
  size_t index = static_cast<size_t>(base - hashes_) / hash_stride_;
  // The first eight stored bytes decide but for one look-up in 2^40 or hashes made to collide.
  while (index < header_.count && std::memcmp(hashes_ + index * hash_stride_, wanted, hash_stride_) < 0)
    ++index;
  return index;
}

// Restores the bytes that `bucket` implies.
Hash128 IdentityBucketV1::RestoreHash(uint32_t bucket, size_t index) const {
  char bytes[kIdentityHashBytes] = {};
  const int bits = header_.bucket_bits;
  const uint64_t top = bits == 0 ? 0 : static_cast<uint64_t>(bucket) << (64 - bits);
  HashToBytes({.hi = top, .lo = 0}, bytes);
  std::memcpy(bytes + SkippedBytes(bits), hashes_ + index * hash_stride_, hash_stride_);
  return {.hi = LoadBigEndian64(bytes), .lo = LoadBigEndian64(bytes + 8)};
}

Status IdentityBucketV1::Find(int32_t day, const Hash128& id, std::vector<IdentityPlace>* found) const {
  char full[kIdentityHashBytes];
  HashToBytes(id, full);
  const char* wanted = full + SkippedBytes(header_.bucket_bits);
  for (size_t i = LowerBound(wanted); i < header_.count; ++i) {
    if (std::memcmp(hashes_ + i * hash_stride_, wanted, hash_stride_) != 0) break;
    IdentityPlace place;
    if (Status s = ReadPlace(day, i, &place); !s.ok()) return s;
    found->push_back(place);
  }
  return Status::Ok();
}

Status IdentityBucketV1::Decode(int32_t day, uint32_t bucket, std::vector<IdentityEntry>* entries) const {
  entries->reserve(entries->size() + header_.count);
  const size_t before = entries->size();
  for (size_t i = 0; i < header_.count; ++i) {
    IdentityEntry entry{.id = RestoreHash(bucket, i), .place = {}};
    if (BucketOf(entry.id, header_.bucket_bits) != bucket)
      return BadIdentityBucket("an entry of another bucket");
    if (entries->size() > before && entry.id < entries->back().id) return BadIdentityBucket("not sorted");
    if (Status s = ReadPlace(day, i, &entry.place); !s.ok()) return s;
    entries->push_back(entry);
  }
  return Status::Ok();
}

}  // namespace tallymark
