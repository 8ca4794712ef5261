#ifndef TALLYMARK_FORMAT_EVENT_CHUNK_H_
#define TALLYMARK_FORMAT_EVENT_CHUNK_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "format/distinct_element.h"
#include "format/hash128.h"
#include "format/prefetch.h"

namespace tallymark {

// Stored in raw blocks and hashed into identities: never renumber.
enum class EventKind : uint8_t { kImpression = 1, kClick = 2, kConversion = 3 };
inline constexpr int kEventKindCount = 3;
std::string_view EventKindName(EventKind kind);  // "impression", "click", "conversion"

// Attributes with a place of their own. Everything else is an Extra. Stored in raw blocks: never
// renumber. `revenue` is not here: it is a number, see Event::revenue_micros.
enum class Field : uint8_t {
  kAdId = 0,
  kEventId = 1,
  kUserId = 2,
  kIp = 3,
  kCountry = 4,
  kCampaignId = 5,
  kBannerId = 6,
  kAdvertiserId = 7,
  kClickId = 8,
};
inline constexpr int kFieldCount = 9;
std::string_view FieldName(Field field);  // "ad_id", ...

inline constexpr uint16_t kAbsent = 0xFFFF;  // Event::size of a field the event does not carry

// One event whose texts lie in the EventChunk that owns it. Plain data, two cache lines: a parser fills
// millions a second, and later stages meet them scattered. Judging an event takes the first line.
struct alignas(kCacheLine) Event {
  int64_t time_ns = 0;   // event time, nanoseconds since the epoch
  Hash128 identity;      // see ComputeIdentity in event_identity.h
  uint64_t ad_hash = 0;  // XXH3_64bits of the ad id's bytes; 0 where there is no ad id
  std::array<uint16_t, kFieldCount> size{kAbsent, kAbsent, kAbsent, kAbsent, kAbsent,
                                         kAbsent, kAbsent, kAbsent, kAbsent};
  uint16_t content_check = 0;  // of time, attributes and revenue; tells a conflict from a resend
  uint8_t extra_count = 0;
  EventKind kind = EventKind::kClick;
  bool has_revenue = false;
  // Of a conversion that was joined to its click: bit 1 << Field for each field that it took from
  // there. Its ad is always among them, and no event that was not joined has a bit set.
  uint8_t inherited = 0;
  std::array<uint32_t, kFieldCount> offset{};
  uint32_t extra_begin = 0;    // into EventChunk::extras
  int64_t revenue_micros = 0;  // millionths; meaningful when has_revenue
  // Of user_id and ip as they stand, or kNoElement; see ComputePeople in event_identity.h. A raw block is
  // made from an element in place of its text where that is whole in it.
  DistinctElement user = kNoElement;
  DistinctElement address = kNoElement;

  bool Has(Field f) const { return size[static_cast<size_t>(f)] != kAbsent; }
  bool Inherited(Field f) const { return (inherited >> static_cast<unsigned>(f) & 1U) != 0; }
};
static_assert(sizeof(Event) == 128);

// The fields that a conversion can take from its click: not event_id, which is the click's own, and
// not click_id, which it has.
inline constexpr uint8_t kInheritableFields = 0xFD;
static_assert((kInheritableFields >> static_cast<unsigned>(Field::kEventId) & 1U) == 0);

// An attribute outside Field. Within one event extras are sorted by name and names are unique.
struct Extra {
  uint32_t name_offset = 0;
  uint32_t value_offset = 0;
  uint16_t name_size = 0;
  uint16_t value_size = 0;
  bool inherited = false;  // see Event::inherited
};

// A stretch of a chunk between two acknowledgement marks: events [previous end, event_end) and the
// lines rejected among them.
struct ChunkSegment {
  uint32_t event_end = 0;
  uint32_t rejected = 0;
};

// Numbers that a table of ads has for those of a chunk's events. They are worth something to that table
// alone.
struct AdNumbers {
  static constexpr uint32_t kUnknown = 0xFFFFFFFF;
  uint64_t table = 0;              // which one; 0: none was asked
  std::vector<uint32_t> of_event;  // one an event, unless none was asked
};

// A run of parsed or decoded events and the bytes they point into. Filled by one thread, then read
// only; the texts stay valid as long as the chunk lives. At most 4 GiB of text.
class EventChunk {
 public:
  std::vector<Event> events;
  std::vector<Extra> extras;
  std::vector<ChunkSegment>
      segments;  // at least one when it goes to the engine; the last ends at events.size()

  AdNumbers ads;  // optional

  // `text` is what offsets count from: the input buffer first, then whatever had to be rewritten
  // (unescaped, canonical addresses), appended. Appending may move the bytes, not the offsets.
  std::string text;

  std::string_view Text(uint32_t offset, uint16_t size) const { return {text.data() + offset, size}; }
  // The field's text; empty when absent (see Event::Has to tell the two apart).
  std::string_view Get(const Event& e, Field f) const {
    auto i = static_cast<size_t>(f);
    return e.size[i] == kAbsent ? std::string_view() : Text(e.offset[i], e.size[i]);
  }
  std::string_view ExtraName(const Extra& x) const { return Text(x.name_offset, x.name_size); }
  std::string_view ExtraValue(const Extra& x) const { return Text(x.value_offset, x.value_size); }
  // Appends bytes to `text` and returns their offset.
  uint32_t Append(std::string_view bytes) {
    auto offset = static_cast<uint32_t>(text.size());
    text.append(bytes);
    return offset;
  }
  void Set(Event& e, Field f, uint32_t offset, size_t size) const {
    e.offset[static_cast<size_t>(f)] = offset;
    e.size[static_cast<size_t>(f)] = static_cast<uint16_t>(size);
  }
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_EVENT_CHUNK_H_
