#include "format/identity_segment_v2.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "format/bit_pack.h"
#include "format/bit_rank.h"
#include "format/coding.h"

namespace tallymark {

void IdentityBucketHeader::Put(std::string* out) const {
  for (uint8_t byte : {kIdentityBucketV2, bucket_bits, slot_bits, hour, ads, sequence_bits})
    PutFixed(out, byte);
  PutVarint64(out, count);
  PutVarint64(out, sequence_min);
}

Status IdentityBucketHeader::Get(std::string_view* in, int expected_bucket_bits) {
  const std::array fields = {&bucket_bits, &slot_bits, &hour, &ads, &sequence_bits};
  if (in->size() <= fields.size()) return BadIdentityBucket("too short");
  for (size_t i = 0; i < fields.size(); ++i) *fields[i] = static_cast<uint8_t>((*in)[1 + i]);
  in->remove_prefix(1 + fields.size());
  if (!GetVarint32(in, &count) || !GetVarint64(in, &sequence_min)) return BadIdentityBucket("bad header");
  if (bucket_bits != expected_bucket_bits) return BadIdentityBucket("cut for another number of buckets");
  if (slot_bits > kIdentitySlotBitsMax || ImpliedBits() % 8 != 0) return BadIdentityBucket("bad slot bits");
  if (hour >= kHoursPerDay && hour != kIdentityHourEach) return BadIdentityBucket("hour outside the day");
  const bool ads_ok = HasAdClasses() ? AdUnitBits() >= 1 && AdUnitBits() <= kIdentityAdStepMax
                                     : AdUnitBits() <= kIdentityAdBitsMax;
  if (!ads_ok || sequence_bits > kIdentitySequenceBitsMax) return BadIdentityBucket("bad width");
  return Status::Ok();
}

Status IdentityBucketV2::Open(std::string_view body, int bucket_bits, IdentityBucketV2* bucket) {
  const IdentityBucketHeader& h = bucket->header_;
  if (Status s = bucket->header_.Get(&body, bucket_bits); !s.ok()) return s;
  const size_t count = h.count;
  const size_t slots = PackedBytes(h.SlotMapBits(), 1);
  const size_t remainders = count * h.RemainderBytes();
  const size_t checks = count * kIdentityCheckBytes;
  const size_t hours = PackedBytes(count, h.HourBits());
  const size_t sequences = PackedBytes(count, h.sequence_bits);
  const size_t ad_classes = PackedBytes(count, h.HasAdClasses() ? kIdentityAdClassBits : 0);
  if (body.size() < slots + remainders + checks + hours + sequences + ad_classes)
    return BadIdentityBucket("wrong size");
  const char* at = body.data();
  auto take = [&at](size_t size) { return std::string_view(std::exchange(at, at + size), size); };
  bucket->slots_ = take(slots);
  bucket->remainders_ = take(remainders);
  bucket->checks_ = take(checks);
  bucket->hours_ = take(hours);
  bucket->sequences_ = take(sequences);
  bucket->ad_classes_ = take(ad_classes);
  bucket->ads_ = take(static_cast<size_t>(body.data() + body.size() - at));
  // With classes it takes a count of them all: a look-up leaves that.
  return h.HasAdClasses() || bucket->AdsFit() ? Status::Ok() : BadIdentityBucket("wrong size");
}

bool IdentityBucketV2::AdsFit() const {
  return ads_.size() == PackedBytes(AdUnitsBefore(header_.count), header_.AdUnitBits());
}

IdentityRemainder IdentityBucketV2::RemainderAt(size_t index) const {
  const size_t size = header_.RemainderBytes();
  const char* at = remainders_.data() + index * size;
  return {LoadBigEndian64(at), LoadBigEndian64(at + size - sizeof(uint64_t))};
}

size_t IdentityBucketV2::AdUnitsBefore(size_t index) const {
  return header_.HasAdClasses() ? index + SumPairs(ad_classes_, index) : index;
}

unsigned IdentityBucketV2::AdUnits(size_t index) const {
  if (!header_.HasAdClasses()) return 1;
  return 1 + static_cast<unsigned>(BitsAt(ad_classes_, index * kIdentityAdClassBits, kIdentityAdClassBits));
}

Status IdentityBucketV2::ReadPlace(int32_t day, size_t index, size_t ad_units_before,
                                   IdentityPlace* place) const {
  const size_t ad_bit = ad_units_before * header_.AdUnitBits();
  const unsigned ad_bits = AdUnits(index) * header_.AdUnitBits();
  if (ad_bit + ad_bits > ads_.size() * 8) return BadIdentityBucket("wrong size of ads");
  StoredPlace stored{
      .hour = header_.hour,
      .ad = static_cast<uint32_t>(BitsAt(ads_, ad_bit, ad_bits)),
      .sequence = BitsAt(sequences_, index * header_.sequence_bits, header_.sequence_bits),
  };
  if (header_.hour == kIdentityHourEach)
    stored.hour = BitsAt(hours_, index * kIdentityHourBits, kIdentityHourBits);
  std::memcpy(&stored.content_check, checks_.data() + index * kIdentityCheckBytes, kIdentityCheckBytes);
  return RestorePlace(stored, day, header_.sequence_min, place);
}

bool IdentityBucketV2::FindSlot(size_t slot, size_t* begin, size_t* end) const {
  const size_t map_bits = header_.SlotMapBits();
  size_t bit = 0;
  if (slot > 0) {
    const size_t before = SelectZero(slots_, map_bits, slot - 1);
    if (before == kNoBit) return false;
    bit = before + 1;
  }
  *begin = bit - slot;  // each 1-bit before is an entry
  *end = *begin + OnesFrom(slots_, map_bits, bit);
  return *end <= header_.count;
}

Status IdentityBucketV2::Find(int32_t day, const Hash128& id, std::vector<IdentityPlace>* found) const {
  size_t index = 0;
  size_t end = 0;
  if (!FindSlot(IdentitySlot(id, header_), &index, &end))
    return BadIdentityBucket("slots do not fit the entries");
  const IdentityRemainder wanted = RemainderOf(id, header_.ImpliedBits());
  while (index < end && RemainderAt(index).first < wanted.first) ++index;
  for (; index < end && RemainderAt(index).first == wanted.first; ++index) {
    if (RemainderAt(index).last != wanted.last) continue;
    IdentityPlace place;
    if (Status s = ReadPlace(day, index, AdUnitsBefore(index), &place); !s.ok()) return s;
    found->push_back(place);
  }
  return Status::Ok();
}

Status IdentityBucketV2::Decode(int32_t day, uint32_t bucket, std::vector<IdentityEntry>* entries) const {
  if (!AdsFit()) return BadIdentityBucket("wrong size of ads");
  const unsigned implied = header_.ImpliedBits();
  const size_t map_bits = header_.SlotMapBits();
  entries->reserve(entries->size() + header_.count);
  size_t index = 0;
  size_t ad_units = 0;
  Hash128 former;
  for (size_t begin = 0; begin < map_bits; begin += 64) {
    const auto width = static_cast<unsigned>(std::min<size_t>(64, map_bits - begin));
    for (uint64_t ones = BitsAt(slots_, begin, width); ones != 0; ones &= ones - 1) {
      const uint64_t slot = begin + static_cast<size_t>(std::countr_zero(ones)) - index;
      if (index == header_.count || slot >> header_.slot_bits != 0)
        return BadIdentityBucket("slots do not fit the entries");
      const uint64_t prefix = uint64_t{bucket} << header_.slot_bits | slot;
      const IdentityRemainder stored = RemainderAt(index);
      IdentityEntry entry{.id = {.hi = stored.first, .lo = stored.last}, .place = {}};
      if (implied > 0) entry.id.hi = prefix << (64 - implied) | stored.first >> implied;
      if (entry.id < former) return BadIdentityBucket("not sorted");
      if (Status s = ReadPlace(day, index, ad_units, &entry.place); !s.ok()) return s;
      former = entry.id;
      ad_units += AdUnits(index++);
      entries->push_back(entry);
    }
  }
  return index == header_.count ? Status::Ok() : BadIdentityBucket("slots lack entries");
}

}  // namespace tallymark
