#include "format/waiting_conversion.h"

#include <cstdio>
#include <cstdlib>
#include <limits>

#include "format/checksum.h"
#include "format/coding.h"
#include "format/event_identity.h"

namespace tallymark {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kHasRevenue = 1;
constexpr uint64_t kExtrasMax = std::numeric_limits<uint8_t>::max();
constexpr uint16_t kClickBit = 1U << static_cast<unsigned>(Field::kClickId);
// Everything but the ad.
constexpr uint16_t kFieldBits = ((1U << static_cast<unsigned>(kFieldCount)) - 1) & ~1U;

uint16_t FieldsOf(const Event& event) {
  unsigned bits = 0;
  for (unsigned f = 0; f < kFieldCount; ++f) {
    if (event.Has(static_cast<Field>(f))) bits |= 1U << f;
  }
  return static_cast<uint16_t>(bits);
}

Status Damaged(const char* what) { return Status::Corruption(std::string("waiting conversion: ") + what); }

bool TakeText(std::string_view* in, EventChunk* chunk, uint32_t* offset, uint16_t* size) {
  std::string_view text;
  if (!GetLengthPrefixed(in, &text) || text.size() >= kAbsent) return false;
  *offset = chunk->Append(text);
  *size = static_cast<uint16_t>(text.size());
  return true;
}

bool TakeFields(std::string_view* in, uint16_t bits, EventChunk* chunk, Event* event) {
  for (unsigned f = 0; f < kFieldCount; ++f) {
    if ((bits >> f & 1U) != 0 && !TakeText(in, chunk, &event->offset[f], &event->size[f])) return false;
  }
  return true;
}

bool TakeExtras(std::string_view* in, EventChunk* chunk, Event* event) {
  uint64_t count = 0;
  if (!GetVarint64(in, &count) || count > kExtrasMax) return false;
  event->extra_begin = static_cast<uint32_t>(chunk->extras.size());
  event->extra_count = static_cast<uint8_t>(count);
  for (uint64_t i = 0; i < count; ++i) {
    Extra extra;
    if (!TakeText(in, chunk, &extra.name_offset, &extra.name_size) ||
        !TakeText(in, chunk, &extra.value_offset, &extra.value_size)) {
      return false;
    }
    if (i > 0 && chunk->ExtraName(chunk->extras.back()) >= chunk->ExtraName(extra)) return false;
    chunk->extras.push_back(extra);
  }
  return true;
}

}  // namespace

std::string EncodeWaitingConversion(const EventChunk& chunk, const Event& event, int64_t arrival_ns) {
  const uint16_t bits = FieldsOf(event);
  if (event.kind != EventKind::kConversion || (bits & kClickBit) == 0 || (bits & ~kFieldBits) != 0) {
    std::fprintf(stderr, "EncodeWaitingConversion: not a conversion that waits for its click\n");
    std::abort();
  }
  std::string out;
  PutFixed<uint8_t>(&out, kVersion);
  PutFixed<uint8_t>(&out, event.has_revenue ? kHasRevenue : 0);
  PutFixed(&out, bits);
  PutFixed(&out, arrival_ns);
  PutFixed(&out, event.time_ns);
  if (event.has_revenue) PutFixed(&out, event.revenue_micros);
  for (unsigned f = 0; f < kFieldCount; ++f) {
    if ((bits >> f & 1U) != 0) PutLengthPrefixed(&out, chunk.Get(event, static_cast<Field>(f)));
  }
  PutVarint64(&out, event.extra_count);
  for (uint32_t i = 0; i < event.extra_count; ++i) {
    const Extra& extra = chunk.extras[event.extra_begin + i];
    PutLengthPrefixed(&out, chunk.ExtraName(extra));
    PutLengthPrefixed(&out, chunk.ExtraValue(extra));
  }
  PutFixed(&out, Checksum32(out));
  return out;
}

Status DecodeWaitingConversion(std::string_view bytes, EventChunk* chunk, int64_t* arrival_ns) {
  uint32_t checksum = 0;
  if (bytes.size() < sizeof checksum) return Damaged("shorter than its checksum");
  std::string_view tail = bytes.substr(bytes.size() - sizeof checksum);
  std::string_view in = bytes.substr(0, bytes.size() - sizeof checksum);
  if (!GetFixed(&tail, &checksum) || checksum != Checksum32(in)) return Damaged("checksum does not match");
  uint8_t version = 0;
  uint8_t flags = 0;
  uint16_t bits = 0;
  if (!GetFixed(&in, &version) || version != kVersion) return Damaged("unknown version");
  if (!GetFixed(&in, &flags) || flags > kHasRevenue) return Damaged("unknown flags");
  if (!GetFixed(&in, &bits) || (bits & ~kFieldBits) != 0 || (bits & kClickBit) == 0)
    return Damaged("impossible fields");
  Event event;
  event.kind = EventKind::kConversion;
  event.has_revenue = flags == kHasRevenue;
  const bool read = GetFixed(&in, arrival_ns) && GetFixed(&in, &event.time_ns) &&
                    (!event.has_revenue || GetFixed(&in, &event.revenue_micros)) &&
                    TakeFields(&in, bits, chunk, &event) && TakeExtras(&in, chunk, &event) && in.empty();
  if (!read) return Damaged("its parts do not add up");
  ComputeIdentity(*chunk, event);
  chunk->events.push_back(event);
  return Status::Ok();
}

}  // namespace tallymark
