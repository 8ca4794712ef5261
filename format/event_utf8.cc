#include "format/event_utf8.h"

#include <cstdint>
#include <cstring>

namespace tallymark {
namespace {

// What may follow a lead byte: how many bytes, and the range of the first of them. The others are
// 80..BF. The narrowed ranges are what keeps overlong forms and surrogates out.
struct Sequence {
  int more = 0;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
};

bool LeadByte(uint8_t lead, Sequence* out) {
  if (lead >= 0xC2 && lead <= 0xDF) {
    *out = {1, 0x80, 0xBF};
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    *out = {2, static_cast<uint8_t>(lead == 0xE0 ? 0xA0 : 0x80),
            static_cast<uint8_t>(lead == 0xED ? 0x9F : 0xBF)};
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    *out = {3, static_cast<uint8_t>(lead == 0xF0 ? 0x90 : 0x80),
            static_cast<uint8_t>(lead == 0xF4 ? 0x8F : 0xBF)};
  } else {
    return false;
  }
  return true;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  const char* p = text.data();
  const char* end = p + text.size();
  while (p < end) {
    if (end - p >= 8) {
      uint64_t eight = 0;
      std::memcpy(&eight, p, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        p += 8;
        continue;
      }
    }
    auto lead = static_cast<uint8_t>(*p++);
    if (lead < 0x80) continue;
    Sequence sequence;
    if (!LeadByte(lead, &sequence) || end - p < sequence.more) return false;
    auto second = static_cast<uint8_t>(*p++);
    if (second < sequence.low || second > sequence.high) return false;
    for (int i = 1; i < sequence.more; ++i) {
      if ((static_cast<uint8_t>(*p++) & 0xC0) != 0x80) return false;
    }
  }
  return true;
}

}  // namespace tallymark
