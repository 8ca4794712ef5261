#ifndef TALLYMARK_FORMAT_EVENT_TEMPLATE_H_
#define TALLYMARK_FORMAT_EVENT_TEMPLATE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "format/event_chunk.h"
#include "format/event_parser.h"

namespace tallymark {

// The shape of a line: what stands between its values, byte for byte, and what the values are.
// `click,ad_id=7 n=1i,s="x" 5` has the slots
//     `click,ad_id=` tag, ` n=` integer, `i,s="` string, and the tail `" ` before the time.
// Plain data, so that the scanning code, which is compiled for more than one instruction set,
// touches no library type. Internal to format.

// A stop is a byte that is not plain in every value: any of the grammar's punctuation, control
// characters, what is not ASCII. event_scan_*.cc find them a vector at a time.
constexpr bool IsStop(char c) {
  return c <= 0x20 || c == ',' || c == '=' || c == '"' || c == '\\' || c == 0x7F;
}

enum class SlotType : uint8_t { kTag, kString, kInt, kUint, kFloat, kBool };

inline constexpr size_t kLiteralBytesMax = 80;  // 16-byte steps; measurement, name and punctuation fit

struct Literal {
  char bytes[kLiteralBytesMax];  // zero behind `size`
  uint16_t first_mask;           // a bit for each of the first min(size, 16) bytes
  uint8_t size;
};

struct TemplateSlot {
  Literal before;      // from the end of the last value to the begin of this one
  uint8_t name_begin;  // in before.bytes
  uint8_t name_size;
  SlotType type;
  uint8_t target;  // as TargetOf
  bool empty_is_absent;
  uint8_t extra_rank;   // among the line's extras sorted by name
  uint8_t suffix_size;  // bytes between the value's end and the stop behind it: the i of an integer
  uint16_t end_stop;    // which of the line's stops ends the value
  uint16_t value_min;   // bytes
  uint16_t value_span;  // bytes it may have above value_min
};

struct EventTemplate {
  Literal tail;  // from the end of the last value to the time, or to the end of the line
  uint8_t slot_count;
  uint8_t extra_count;
  uint16_t stop_count;  // stops of a line with plain values, its line end included
  EventKind kind;
  bool has_time;
  TemplateSlot slots[kMaxAttributes];
};

// Reads the shape off a line (without its line end) that the strict path has accepted. False where
// the shape cannot be told by bytes alone: escapes, anything but printable ASCII, extra spaces.
bool LearnTemplate(std::string_view line, EventTemplate* out);

bool SameShape(const EventTemplate& a, const EventTemplate& b);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_EVENT_TEMPLATE_H_
