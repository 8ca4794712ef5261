#include "format/event_identity.h"

// The short inputs here are hashed in a few nanoseconds; a call into the library would cost as
// much again.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>

#include "format/coding.h"

namespace tallymark {
namespace {

// Everything here is stored in identity segments: a change takes a new format version of the directory,
// whose identities are then made anew (engine/identity_rebuild.h).
constexpr uint64_t kEventIdSeed = 0x7461'6C6C'792D'6964;
constexpr uint64_t kWholeEventSeed = 0x7461'6C6C'792D'6576;
constexpr uint64_t kTimeSeed = 0x7461'6C6C'792D'7469;
constexpr uint64_t kRevenueSeed = 0x7461'6C6C'792D'7265;

// Added once for each number of the kind. The kind is not in the seed: XXH3 adds the seed to short inputs
// before it mixes anything, so under seeds that differ by one "20010" hashes as "10013" does.
constexpr Hash128 kKindStep = {.hi = 0x9FB2'1C65'1E98'DF25, .lo = 0xD1B5'4A32'D192'ED03};

// Odd, so that multiplying loses nothing; different, so that it matters which field has a value.
constexpr std::array<uint64_t, kFieldCount> kFieldMultiplier = {
    0x9E37'79B9'7F4A'7C15, 0xC2B2'AE3D'27D4'EB4F, 0x1656'67B1'9E37'79F9,
    0xD6E8'FEB8'6659'FD93, 0xA076'1D64'78BD'642F, 0xE703'7ED1'A0B4'28DB,
    0x8EBC'6AF0'9C88'C6E3, 0x5899'65CC'7537'4CC3, 0x1D8E'4E27'C47D'124F};

// Fields by name; a merge with the sorted extras and `revenue` gives all attributes by name.
constexpr std::array<Field, kFieldCount> kFieldsByName = {
    Field::kAdId,    Field::kAdvertiserId, Field::kBannerId, Field::kCampaignId, Field::kClickId,
    Field::kCountry, Field::kEventId,      Field::kIp,       Field::kUserId};
constexpr std::string_view kRevenueName = "revenue";

uint64_t Hash(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }
uint64_t Hash(int64_t value, uint64_t seed) { return XXH3_64bits_withSeed(&value, sizeof value, seed); }

Hash128 FromXxh(XXH128_hash_t hash) { return {hash.high64, hash.low64}; }

void PutAttribute(std::string* out, std::string_view name, std::string_view value) {
  PutLengthPrefixed(out, name);
  PutLengthPrefixed(out, value);
}

// Appends the attributes whose names come before `limit` among what *extra and *revenue still hold.
void PutOthersBefore(const EventChunk& chunk, const Event& event, std::string_view limit, bool all,
                     uint32_t* extra, bool* revenue, std::string* out) {
  while (true) {
    std::string_view extra_name;
    bool has_extra = *extra < event.extra_count;
    if (has_extra) extra_name = chunk.ExtraName(chunk.extras[event.extra_begin + *extra]);
    if (*revenue && (!has_extra || kRevenueName < extra_name)) {
      if (!all && kRevenueName > limit) return;
      std::string micros;
      PutFixed(&micros, event.revenue_micros);
      PutAttribute(out, kRevenueName, micros);
      *revenue = false;
    } else if (has_extra && (all || extra_name < limit)) {
      const Extra& attribute = chunk.extras[event.extra_begin + *extra];
      if (!attribute.inherited) PutAttribute(out, extra_name, chunk.ExtraValue(attribute));
      ++*extra;
    } else {
      return;
    }
  }
}

Hash128 WholeEventIdentity(const EventChunk& chunk, const Event& event) {
  thread_local std::string bytes;  // kept for its memory
  bytes.clear();
  bytes.push_back(static_cast<char>(event.kind));
  PutFixed(&bytes, event.time_ns);
  uint32_t extra = 0;
  bool revenue = event.has_revenue;
  for (Field field : kFieldsByName) {
    if (!event.Has(field)) continue;
    PutOthersBefore(chunk, event, FieldName(field), false, &extra, &revenue, &bytes);
    PutAttribute(&bytes, FieldName(field), chunk.Get(event, field));
  }
  PutOthersBefore(chunk, event, {}, true, &extra, &revenue, &bytes);
  return FromXxh(XXH3_128bits_withSeed(bytes.data(), bytes.size(), kWholeEventSeed));
}

uint64_t ExtrasSum(const EventChunk& chunk, const Event& event) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < event.extra_count; ++i) {
    const Extra& extra = chunk.extras[event.extra_begin + i];
    if (extra.inherited) continue;
    std::string_view value = chunk.ExtraValue(extra);
    sum += XXH3_64bits_withSeed(value.data(), value.size(), Hash(chunk.ExtraName(extra)));
  }
  return sum;
}

// As the conversion was before it was joined.
void ComputeIdentityOfJoined(const EventChunk& chunk, Event& event) {
  Event own = event;
  own.inherited = 0;
  for (size_t i = 0; i < kFieldCount; ++i) {
    if (event.Inherited(static_cast<Field>(i))) own.size[i] = kAbsent;
  }
  ComputeIdentity(chunk, own);
  event.identity = own.identity;
  event.content_check = own.content_check;
  event.ad_hash = Hash(chunk.Get(event, Field::kAdId));
}

}  // namespace

Hash128 IdentityOfEventId(EventKind kind, std::string_view event_id) {
  const Hash128 hash = FromXxh(XXH3_128bits_withSeed(event_id.data(), event_id.size(), kEventIdSeed));
  const auto steps = static_cast<uint64_t>(kind);
  return {.hi = hash.hi + steps * kKindStep.hi, .lo = hash.lo + steps * kKindStep.lo};
}

void ComputePeople(const EventChunk& chunk, Event& event) {
  if (event.user == kNoElement) event.user = UserElement(chunk.Get(event, Field::kUserId));
  if (event.address == kNoElement) event.address = AddressElement(chunk.Get(event, Field::kIp));
}

void ComputeIdentity(const EventChunk& chunk, Event& event) {
  if (event.inherited != 0) {
    ComputeIdentityOfJoined(chunk, event);
    return;
  }
  uint64_t sum = Hash(event.time_ns, kTimeSeed);
  event.ad_hash = 0;
  const char* text = chunk.text.data();
  for (size_t i = 0; i < kFieldCount; ++i) {
    if (event.size[i] == kAbsent || i == static_cast<size_t>(Field::kEventId)) continue;
    uint64_t hash = Hash({text + event.offset[i], event.size[i]});
    if (i == static_cast<size_t>(Field::kAdId)) event.ad_hash = hash;
    sum += hash * kFieldMultiplier[i];
  }
  if (event.has_revenue) sum += Hash(event.revenue_micros, kRevenueSeed);
  if (event.extra_count > 0) sum += ExtrasSum(chunk, event);
  if (event.Has(Field::kEventId)) {
    std::string_view id = chunk.Get(event, Field::kEventId);
    event.identity = IdentityOfEventId(event.kind, id);
    sum += event.identity.lo * kFieldMultiplier[static_cast<size_t>(Field::kEventId)];
  } else {
    event.identity = WholeEventIdentity(chunk, event);
  }
  event.content_check = static_cast<uint16_t>(sum >> 48);
}

}  // namespace tallymark
