#include "format/column_shapes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

namespace tallymark {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr uint8_t kNotHex = 0xFF;

constexpr std::array<uint8_t, 256> MakeHexValues() {
  std::array<uint8_t, 256> values{};
  values.fill(kNotHex);
  for (uint8_t i = 0; i < 16; ++i) values[static_cast<uint8_t>(kHexDigits[i])] = i;
  return values;
}
constexpr auto kHexValues = MakeHexValues();

// Two hex digits a byte, ready to be copied.
constexpr std::array<std::array<char, 2>, 256> MakeHexPairs() {
  std::array<std::array<char, 2>, 256> pairs{};
  for (size_t i = 0; i < 256; ++i) pairs[i] = {kHexDigits[i / 16], kHexDigits[i % 16]};
  return pairs;
}
constexpr auto kHexPairs = MakeHexPairs();

uint64_t Load8(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

constexpr uint64_t Repeat(uint8_t byte) { return 0x0101010101010101u * byte; }

// Eight lowercase hex digits at once: adds to *bad a set bit for every byte that is none, and
// returns the 32-bit number of good ones. All lanes stay below 0x80 where no bit is reported, so
// that no carry crosses into a neighbour.
uint64_t HexDigits8(uint64_t chars, uint64_t* bad) {
  uint64_t high = chars & Repeat(0x80);
  uint64_t c = chars & Repeat(0x7F);
  uint64_t from_digit0 = c + Repeat(0x80 - '0');      // top bit: c >= '0'
  uint64_t past_digit9 = c + Repeat(0x80 - '9' - 1);  // top bit: c > '9'
  uint64_t from_a = c + Repeat(0x80 - 'a');
  uint64_t past_f = c + Repeat(0x80 - 'f' - 1);
  uint64_t letter = from_a & ~past_f & Repeat(0x80);
  uint64_t digit = from_digit0 & ~past_digit9 & Repeat(0x80);
  *bad |= high | ((letter | digit) ^ Repeat(0x80));
  uint64_t nibbles = (c & Repeat(0x0F)) + (letter >> 7) * 9;
  // The first character is the most significant: join neighbours, lowest address on top.
  uint64_t pairs = (nibbles << 4 | nibbles >> 8) & 0x00FF00FF00FF00FFu;
  uint64_t quads = (pairs << 8 | pairs >> 16) & 0x0000FFFF0000FFFFu;
  return (quads << 16 | quads >> 32) & 0xFFFFFFFFu;
}

char* PutHexPair(uint8_t byte, char* out) {
  std::memcpy(out, kHexPairs[byte].data(), 2);
  return out + 2;
}

// A number below 256 and the point after it, with the length of both.
struct Octet {
  char text[4];
};
constexpr std::array<Octet, 256> MakeOctets() {
  std::array<Octet, 256> octets{};
  for (unsigned i = 0; i < 256; ++i) {
    size_t n = 0;
    if (i >= 100) octets[i].text[n++] = static_cast<char>('0' + i / 100);
    if (i >= 10) octets[i].text[n++] = static_cast<char>('0' + i / 10 % 10);
    octets[i].text[n++] = static_cast<char>('0' + i % 10);
    octets[i].text[n] = '.';
  }
  return octets;
}
constexpr auto kOctets = MakeOctets();
constexpr size_t OctetSize(unsigned value) { return value >= 100 ? 4 : value >= 10 ? 3 : 2; }

uint16_t Group(TwoWords value, size_t index) {
  uint64_t word = index < 4 ? value.high : value.low;
  return static_cast<uint16_t>(word >> (48 - index % 4 * 16));
}

size_t FormatHexGroup(uint16_t group, char* out) {
  auto digits = static_cast<size_t>(std::max(1, (std::bit_width(group) + 3) / 4));
  for (size_t i = 0; i < digits; ++i) out[i] = kHexDigits[(group >> (4 * (digits - 1 - i))) & 0xF];
  return digits;
}

// The first longest run of zero groups: where it begins and how long it is.
std::pair<size_t, size_t> LongestZeros(TwoWords value) {
  std::pair<size_t, size_t> best{8, 0};
  for (size_t i = 0; i < 8;) {
    size_t end = i;
    while (end < 8 && Group(value, end) == 0) ++end;
    if (end - i > best.second) best = {i, end - i};
    i = std::max(end, i + 1);
  }
  return best;
}

// One to four hex digits from the front of *text.
bool TakeHexGroup(std::string_view* text, uint64_t* group) {
  size_t n = 0;
  *group = 0;
  while (n < text->size() && n < 4 && kHexValues[static_cast<uint8_t>((*text)[n])] != kNotHex) {
    *group = *group << 4 | kHexValues[static_cast<uint8_t>((*text)[n++])];
  }
  text->remove_prefix(n);
  return n > 0;
}

// Splits at "::" and colons without looking at which spelling is canonical: the caller formats the
// result and compares.
bool ParseAnyIpv6(std::string_view text, TwoWords* value) {
  std::array<uint64_t, 8> groups{};
  size_t count = 0;
  size_t gap = 8;  // where "::" stands
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (count == 8 || !TakeHexGroup(&text, &groups[count])) return false;
    ++count;
    if (text.empty()) break;
    if (text.starts_with("::") && gap == 8) {
      gap = count;
      text.remove_prefix(2);
    } else if (text.size() > 1 && text[0] == ':') {
      text.remove_prefix(1);
    } else {
      return false;
    }
  }
  if (gap == 8 && count != 8) return false;
  std::rotate(groups.begin() + static_cast<std::ptrdiff_t>(std::min(gap, count)),
              groups.begin() + static_cast<std::ptrdiff_t>(count), groups.end());
  *value = {};
  for (size_t i = 0; i < 4; ++i) {
    value->high = value->high << 16 | groups[i];
    value->low = value->low << 16 | groups[i + 4];
  }
  return true;
}

}  // namespace

bool ParseUuid(std::string_view text, TwoWords* value) {
  if (text.size() != kUuidBytes) return false;
  const char* p = text.data();
  // Bytes 4..11, 11..18 and so on hold the digits between dashes; a dash is cut out by joining.
  std::array<char, 16> middle;
  std::memcpy(middle.data(), p + 9, 4);
  std::memcpy(middle.data() + 4, p + 14, 4);
  std::memcpy(middle.data() + 8, p + 19, 4);
  std::memcpy(middle.data() + 12, p + 24, 4);
  uint64_t bad = static_cast<uint64_t>((p[8] ^ '-') | (p[13] ^ '-') | (p[18] ^ '-') | (p[23] ^ '-'));
  value->high = HexDigits8(Load8(p), &bad) << 32 | HexDigits8(Load8(middle.data()), &bad);
  value->low = HexDigits8(Load8(middle.data() + 8), &bad) << 32 | HexDigits8(Load8(p + 28), &bad);
  return bad == 0;
}

size_t FormatUuid(TwoWords value, char* out) {
  for (int i = 0; i < 8; ++i) {
    if (i == 4 || i == 6) *out++ = '-';
    out = PutHexPair(static_cast<uint8_t>(value.high >> (56 - 8 * i)), out);
  }
  for (int i = 0; i < 8; ++i) {
    if (i == 0 || i == 2) *out++ = '-';
    out = PutHexPair(static_cast<uint8_t>(value.low >> (56 - 8 * i)), out);
  }
  return kUuidBytes;
}

bool ParseIpv4(std::string_view text, uint32_t* value) {
  const char* p = text.data();
  const char* end = p + text.size();
  uint32_t result = 0;
  for (int octet = 0; octet < 4; ++octet) {
    if (octet > 0 && (p == end || *p++ != '.')) return false;
    if (p == end) return false;
    auto number = static_cast<unsigned>(*p++ - '0');
    if (number > 9) return false;
    bool zero = number == 0;
    for (int i = 0; i < 2 && p != end; ++i) {
      auto digit = static_cast<unsigned>(*p - '0');
      if (digit > 9) break;
      if (zero) return false;
      number = number * 10 + digit;
      ++p;
    }
    if (number > 255) return false;
    result = result << 8 | number;
  }
  *value = result;
  return p == end;
}

size_t FormatIpv4(uint32_t value, char* out) {
  size_t size = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    unsigned octet = (value >> shift) & 0xFF;
    std::memcpy(out + size, kOctets[octet].text, sizeof kOctets[octet].text);
    size += OctetSize(octet);
  }
  return size - 1;
}

bool ParseIpv6(std::string_view text, TwoWords* value) {
  if (text.size() > kIpv6BytesMax || !ParseAnyIpv6(text, value)) return false;
  std::array<char, kIpv6BytesMax> canonical;
  return text == std::string_view(canonical.data(), FormatIpv6(*value, canonical.data()));
}

size_t FormatIpv6(TwoWords value, char* out) {
  auto [zeros_begin, zeros] = LongestZeros(value);
  bool shorten = zeros >= 2;
  size_t size = 0;
  for (size_t i = 0; i < 8; ++i) {
    if (shorten && i == zeros_begin) {
      out[size++] = ':';
      if (zeros_begin + zeros == 8) out[size++] = ':';
      i += zeros - 1;
      continue;
    }
    if (i > 0) out[size++] = ':';
    size += FormatHexGroup(Group(value, i), out + size);
  }
  return size;
}

bool ParseDigits(std::string_view text, size_t digits_min, uint64_t* value) {
  if (text.size() < digits_min || text.size() > kDigitsMax) return false;
  if (text.size() > digits_min && text[0] == '0') return false;
  uint64_t result = 0;
  for (char c : text) {
    auto digit = static_cast<unsigned>(c - '0');
    if (digit > 9) return false;
    result = result * 10 + digit;
  }
  *value = result;
  return true;
}

size_t FormatDigits(uint64_t value, size_t digits_min, char* out) {
  std::array<char, kFormatDigitsMax> digits;
  char* end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  auto size = static_cast<size_t>(end - digits.data());
  size_t zeros = size < digits_min ? digits_min - size : 0;
  std::memset(out, '0', zeros);
  std::memcpy(out + zeros, digits.data(), size);
  return zeros + size;
}

}  // namespace tallymark
