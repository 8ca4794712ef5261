#include "format/identity_segment.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "format/checksum.h"
#include "format/coding.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kHashBytes = 16;
constexpr size_t kCheckBytes = 2;
constexpr size_t kChecksumBytes = 4;
constexpr unsigned kHourBits = 5;
constexpr unsigned kAdBitsMax = 32;
constexpr unsigned kSequenceBitsMax = 64;
constexpr double kEntriesPerBucket = 192;
constexpr int kByteBits = 8;

struct Header {
  uint8_t version = kVersion;
  uint8_t bucket_bits = 0;
  uint8_t ad_bits = 0;
  uint8_t sequence_bits = 0;
  uint32_t count = 0;
  uint64_t sequence_min = 0;
};
static_assert(sizeof(Header) == 16 && std::has_unique_object_representations_v<Header>);

size_t SkippedBytes(int bucket_bits) { return static_cast<size_t>(bucket_bits / kByteBits); }

uint64_t LoadBigEndian64(const char* at) {
  uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap64(value);
}

void HashToBytes(const Hash128& id, char out[kHashBytes]) {
  uint64_t hi = __builtin_bswap64(id.hi);
  uint64_t lo = __builtin_bswap64(id.lo);
  std::memcpy(out, &hi, sizeof hi);
  std::memcpy(out + sizeof hi, &lo, sizeof lo);
}

// Appends fields of 0..64 bits one after another, least significant bit first.
class BitWriter {
 public:
  explicit BitWriter(std::string* out) : out_(out) {}
  void Put(uint64_t value, unsigned width) {
    pending_ |= static_cast<unsigned __int128>(value) << filled_;
    filled_ += width;
    if (filled_ < 64) return;
    PutFixed(out_, static_cast<uint64_t>(pending_));
    pending_ >>= 64;
    filled_ -= 64;
  }
  void Finish() {
    const auto rest = static_cast<uint64_t>(pending_);
    out_->append(reinterpret_cast<const char*>(&rest), (filled_ + 7) / 8);
  }

 private:
  std::string* out_;
  unsigned __int128 pending_ = 0;
  unsigned filled_ = 0;
};

uint64_t GetBits(std::string_view bytes, size_t bit, unsigned width) {
  if (width == 0) return 0;
  unsigned __int128 window = 0;
  size_t first = bit / 8;
  std::memcpy(&window, bytes.data() + first, std::min<size_t>(9, bytes.size() - first));
  auto value = static_cast<uint64_t>(window >> (bit % 8));
  return width == 64 ? value : value & ((uint64_t{1} << width) - 1);
}

// The parts of a bucket whose checksum and sizes are right.
struct Bucket {
  Header header;
  size_t hash_stride = 0;
  const char* hashes = nullptr;
  const char* checks = nullptr;
  std::string_view places;

  unsigned place_bits() const { return kHourBits + header.ad_bits + header.sequence_bits; }
};

Status Bad(const char* what) { return Status::Corruption(std::string("identity bucket: ") + what); }

Status Open(std::string_view bytes, int bucket_bits, Bucket* bucket) {
  if (bytes.size() < sizeof(Header) + kChecksumBytes) return Bad("too short");
  uint32_t stored = 0;
  size_t body = bytes.size() - kChecksumBytes;
  std::memcpy(&stored, bytes.data() + body, sizeof stored);
  if (Checksum32(bytes.substr(0, body)) != stored) return Bad("checksum mismatch");
  Header& h = bucket->header;
  std::memcpy(&h, bytes.data(), sizeof h);
  if (h.version != kVersion) return Bad("unknown version");
  if (h.bucket_bits != bucket_bits) return Bad("cut for another number of buckets");
  if (h.ad_bits > kAdBitsMax || h.sequence_bits > kSequenceBitsMax) return Bad("bad width");
  bucket->hash_stride = kHashBytes - SkippedBytes(bucket_bits);
  size_t count = h.count;
  size_t place_bytes = (count * bucket->place_bits() + 7) / 8;
  if (body != sizeof(Header) + count * (bucket->hash_stride + kCheckBytes) + place_bytes)
    return Bad("wrong size");
  bucket->hashes = bytes.data() + sizeof(Header);
  bucket->checks = bucket->hashes + count * bucket->hash_stride;
  bucket->places = bytes.substr(body - place_bytes, place_bytes);
  return Status::Ok();
}

Status ReadPlace(const Bucket& bucket, int32_t day, size_t index, IdentityPlace* place) {
  const Header& h = bucket.header;
  size_t bit = index * bucket.place_bits();
  auto hour = static_cast<int64_t>(GetBits(bucket.places, bit, kHourBits));
  int64_t absolute = int64_t{day} * kHoursPerDay + hour;
  if (hour >= kHoursPerDay || absolute != static_cast<int32_t>(absolute)) return Bad("hour outside the day");
  uint64_t offset = GetBits(bucket.places, bit + kHourBits + h.ad_bits, h.sequence_bits);
  if (offset > std::numeric_limits<uint64_t>::max() - h.sequence_min) return Bad("sequence out of range");
  place->hour = static_cast<int32_t>(absolute);
  place->ad = static_cast<uint32_t>(GetBits(bucket.places, bit + kHourBits, h.ad_bits));
  place->sequence = h.sequence_min + offset;
  std::memcpy(&place->content_check, bucket.checks + index * kCheckBytes, kCheckBytes);
  return Status::Ok();
}

// The first entry whose stored hash is not below `wanted`. Hashes are uniform, but halving without
// a branch to mispredict beats interpolation at these sizes.
size_t LowerBound(const Bucket& bucket, const char* wanted) {
  uint64_t key = LoadBigEndian64(wanted);
  const size_t stride = bucket.hash_stride;
  const char* base = bucket.hashes;
  size_t left = bucket.header.count;
  if (left == 0) return 0;
  while (left > 1) {
    size_t half = left / 2;
    base += static_cast<size_t>(LoadBigEndian64(base + (half - 1) * stride) < key) * (half * stride);
    left -= half;
  }
  size_t index = static_cast<size_t>(base - bucket.hashes) / stride;
  // The first eight stored bytes decide but for one look-up in 2^40 or hashes made to collide.
  while (index < bucket.header.count && std::memcmp(bucket.hashes + index * stride, wanted, stride) < 0)
    ++index;
  return index;
}

// Restores the bytes that `bucket` implies.
Hash128 RestoreHash(const Bucket& parts, int bucket_bits, uint32_t bucket, size_t index) {
  char bytes[kHashBytes] = {};
  size_t skipped = SkippedBytes(bucket_bits);
  uint64_t top = bucket_bits == 0 ? 0 : static_cast<uint64_t>(bucket) << (64 - bucket_bits);
  HashToBytes({.hi = top, .lo = 0}, bytes);
  std::memcpy(bytes + skipped, parts.hashes + index * parts.hash_stride, parts.hash_stride);
  return {.hi = LoadBigEndian64(bytes), .lo = LoadBigEndian64(bytes + 8)};
}

bool BucketBitsOk(int bucket_bits) { return bucket_bits >= 0 && bucket_bits <= kIdentityBucketBitsMax; }

void AppendHashes(std::span<const IdentityEntry> entries, size_t skipped, std::string* out) {
  const size_t begin = out->size();
  const size_t stride = kHashBytes - skipped;
  out->resize(begin + entries.size() * stride);
  char* to = out->data() + begin;
  for (const IdentityEntry& entry : entries) {
    char bytes[kHashBytes];
    HashToBytes(entry.id, bytes);
    std::memcpy(to, bytes + skipped, stride);
    to += stride;
  }
}

// Writing an unsorted bucket would lose identities for good: better to stop.
void RequireEncodable(int bucket_bits, int32_t day, std::span<const IdentityEntry> entries) {
  bool ok = BucketBitsOk(bucket_bits) && entries.size() <= std::numeric_limits<uint32_t>::max();
  for (size_t i = 0; ok && i < entries.size(); ++i) {
    const IdentityEntry& entry = entries[i];
    ok = DayOfHour(entry.place.hour) == day && (i == 0 || !(entry.id < entries[i - 1].id)) &&
         BucketOf(entry.id, bucket_bits) == BucketOf(entries[0].id, bucket_bits);
  }
  if (!ok) std::abort();
}

Header HeaderOf(int bucket_bits, std::span<const IdentityEntry> entries) {
  uint32_t ad_max = 0;
  uint64_t sequence_min = entries.empty() ? 0 : std::numeric_limits<uint64_t>::max();
  uint64_t sequence_max = 0;
  for (const IdentityEntry& entry : entries) {
    ad_max = std::max(ad_max, entry.place.ad);
    sequence_min = std::min(sequence_min, entry.place.sequence);
    sequence_max = std::max(sequence_max, entry.place.sequence);
  }
  return {.bucket_bits = static_cast<uint8_t>(bucket_bits),
          .ad_bits = static_cast<uint8_t>(std::bit_width(ad_max)),
          .sequence_bits = static_cast<uint8_t>(std::bit_width(sequence_max - sequence_min)),
          .count = static_cast<uint32_t>(entries.size()),
          .sequence_min = sequence_min};
}

}  // namespace

int ChooseBucketBits(uint64_t entries) {
  double buckets = static_cast<double>(entries) / kEntriesPerBucket;
  if (buckets <= 1) return 0;
  const auto bits = static_cast<int>(std::lround(std::log2(buckets)));
  // One more bit where it makes a byte whole that need not be stored.
  const bool next_is_whole = (bits + 1) % kByteBits == 0;
  return std::min(next_is_whole ? bits + 1 : bits, kIdentityBucketBitsMax);
}

void EncodeIdentityBucket(int bucket_bits, int32_t day, std::span<const IdentityEntry> entries,
                          std::string* out) {
  RequireEncodable(bucket_bits, day, entries);
  Header header = HeaderOf(bucket_bits, entries);
  size_t begin = out->size();
  out->append(reinterpret_cast<const char*>(&header), sizeof header);
  AppendHashes(entries, SkippedBytes(bucket_bits), out);
  for (const IdentityEntry& entry : entries) PutFixed(out, entry.place.content_check);
  BitWriter places(out);
  for (const IdentityEntry& entry : entries) {
    places.Put(static_cast<uint64_t>(int64_t{entry.place.hour} - int64_t{day} * kHoursPerDay), kHourBits);
    places.Put(entry.place.ad, header.ad_bits);
    places.Put(entry.place.sequence - header.sequence_min, header.sequence_bits);
  }
  places.Finish();
  PutFixed(out, Checksum32(std::string_view(*out).substr(begin)));
}

Status FindIdentity(std::string_view bytes, int bucket_bits, int32_t day, const Hash128& id,
                    std::vector<IdentityPlace>* found) {
  if (!BucketBitsOk(bucket_bits)) return Bad("no such number of buckets");
  Bucket bucket;
  if (Status s = Open(bytes, bucket_bits, &bucket); !s.ok()) return s;
  char full[kHashBytes];
  HashToBytes(id, full);
  const char* wanted = full + SkippedBytes(bucket_bits);
  size_t stride = bucket.hash_stride;
  for (size_t i = LowerBound(bucket, wanted); i < bucket.header.count; ++i) {
    if (std::memcmp(bucket.hashes + i * stride, wanted, stride) != 0) break;
    IdentityPlace place;
    if (Status s = ReadPlace(bucket, day, i, &place); !s.ok()) return s;
    found->push_back(place);
  }
  return Status::Ok();
}

Status DecodeIdentityBucket(std::string_view bytes, int bucket_bits, int32_t day, uint32_t bucket,
                            std::vector<IdentityEntry>* entries) {
  if (!BucketBitsOk(bucket_bits) || (uint64_t{bucket} >> bucket_bits) != 0) return Bad("no such bucket");
  Bucket parts;
  if (Status s = Open(bytes, bucket_bits, &parts); !s.ok()) return s;
  entries->reserve(entries->size() + parts.header.count);
  size_t before = entries->size();
  for (size_t i = 0; i < parts.header.count; ++i) {
    IdentityEntry entry{.id = RestoreHash(parts, bucket_bits, bucket, i), .place = {}};
    if (BucketOf(entry.id, bucket_bits) != bucket) return Bad("an entry of another bucket");
    if (entries->size() > before && entry.id < entries->back().id) return Bad("not sorted");
    if (Status s = ReadPlace(parts, day, i, &entry.place); !s.ok()) return s;
    entries->push_back(entry);
  }
  return Status::Ok();
}

}  // namespace tallymark
