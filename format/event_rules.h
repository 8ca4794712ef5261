#ifndef TALLYMARK_FORMAT_EVENT_RULES_H_
#define TALLYMARK_FORMAT_EVENT_RULES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "format/event_chunk.h"
#include "format/event_parser.h"
#include "format/event_tokens.h"

namespace tallymark {

// What makes a parsed line an event: kinds, names, limits (SPEC section 2). Internal to format.

// Where the value of a name goes: a Field's number, or one of the two behind them.
inline constexpr uint8_t kRevenueTarget = kFieldCount;
inline constexpr uint8_t kExtraTarget = kFieldCount + 1;
uint8_t TargetOf(std::string_view name);

// The most bytes a value of that target may have.
size_t ValueBytesMax(uint8_t target);

// Whether an empty value means that the attribute is not there. Others may be present and empty.
constexpr bool EmptyIsAbsent(uint8_t target) {
  return target == static_cast<uint8_t>(Field::kAdId) || target == static_cast<uint8_t>(Field::kEventId) ||
         target == static_cast<uint8_t>(Field::kIp) || target == static_cast<uint8_t>(Field::kClickId);
}

inline constexpr char kReservedAd[] = "popular_ads";

bool ParseEventKind(std::string_view measurement, EventKind* kind);

// For the fast path, which must not instantiate library templates: plain functions.
// The address is already the text FormatIp gives, so that it can stay where it is.
bool IsCanonicalIp(const char* text, size_t size);
bool ReadMicros(const char* text, size_t size, int64_t* micros);

struct Rejection {
  RejectReason reason = RejectReason::kParse;
  size_t position = kWholeLine;  // in the chunk's text
  std::string detail;
  static constexpr size_t kWholeLine = static_cast<size_t>(-1);
};

// Makes events of tokens, strictly and without shortcuts. Keep one for many lines: it reuses its
// memory. Not thread safe.
class EventBuilder {
 public:
  // `tokens` were read from a part of chunk->text that begins at `base`. True: the event is
  // appended to chunk->events (identity not computed yet). False: *rejection says why, and the
  // chunk is as it was.
  bool Build(const LineTokens& tokens, size_t base, const EventParseOptions& options, EventChunk* chunk,
             Rejection* rejection);

 private:
  struct Attribute {
    uint32_t name_offset = 0;
    uint32_t name_size = 0;
    uint32_t value_offset = 0;
    uint32_t value_size = 0;
    uint8_t target = 0;
    size_t position = 0;  // of the name in the line, for reports
  };

  bool ReadNames(const LineTokens& tokens, size_t base, EventChunk* chunk, Rejection* rejection);
  bool CheckNamesDiffer(const EventChunk& chunk, Rejection* rejection);
  bool ReadValues(const LineTokens& tokens, size_t base, EventChunk* chunk, Event* event,
                  Rejection* rejection);
  bool SetValue(const Attribute& attribute, EventChunk* chunk, Event* event, Rejection* rejection);
  bool SetIp(const Attribute& attribute, EventChunk* chunk, Event* event, Rejection* rejection);
  static bool CheckAd(const EventChunk& chunk, const Event& event, Rejection* rejection);
  // The token's meaning as a place in chunk->text: where it is, or appended when it has escapes.
  uint32_t Resolve(const TextToken& token, Escapes escapes, size_t base, EventChunk* chunk, uint32_t* size);

  std::array<Attribute, kMaxAttributes> attributes_;
  size_t count_ = 0;
  std::string scratch_;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_EVENT_RULES_H_
