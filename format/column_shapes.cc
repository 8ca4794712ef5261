#include "format/column_shapes.h"

#include <algorithm>
#include <array>
#include <bit>
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

template <class T>
T Load(const char* p) {
  T word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

constexpr uint64_t Repeat(uint8_t byte) { return 0x0101010101010101u * byte; }

// Sixteen bytes that the compiler keeps in a vector register of any machine.
using Bytes16 = uint8_t __attribute__((vector_size(16)));
using Words2 = uint64_t __attribute__((vector_size(16)));

// Sixteen hex digits to a number in two halves of 32 bits; clears bytes of *good where a byte is
// no lowercase hex digit.
uint64_t HexDigits16(uint64_t first, uint64_t second, Bytes16* good) {
  auto chars = reinterpret_cast<Bytes16>(Words2{first, second});
  Bytes16 digit = chars - '0';
  Bytes16 letter = chars - 'a';
  auto is_digit = reinterpret_cast<Bytes16>(digit <= 9);
  auto is_letter = reinterpret_cast<Bytes16>(letter <= 5);
  *good &= is_digit | is_letter;
  auto nibbles = reinterpret_cast<Words2>((digit & is_digit) | ((letter + 10) & is_letter));
  // The first character is the most significant: join neighbours, lowest address on top.
  Words2 pairs = (nibbles << 4 | nibbles >> 8) & 0x00FF00FF00FF00FFu;
  Words2 quads = (pairs << 8 | pairs >> 16) & 0x0000FFFF0000FFFFu;
  Words2 halves = (quads << 16 | quads >> 32) & 0xFFFFFFFFu;
  return halves[0] << 32 | halves[1];
}

// One bit for every byte that is no decimal digit, the lowest for the first.
unsigned NotDigits(uint64_t chars) {
  uint64_t value = chars ^ Repeat('0');
  uint64_t top = (((value & Repeat(0x7F)) + Repeat(0x76)) | value) & Repeat(0x80);
  return static_cast<unsigned>(((top >> 7) * 0x0102040810204080u) >> 56);
}

// The last 1..8 bytes of a text as a word, the last byte on top and zeros below.
uint64_t LoadRight(const char* end, size_t size) {
  if (size >= 4) {
    uint64_t head = Load<uint32_t>(end - size);
    uint64_t tail = Load<uint32_t>(end - 4);
    return tail << 32 | ((head << (8 * (8 - size))) & 0xFFFFFFFFu);
  }
  uint64_t word = 0;
  for (size_t i = 1; i <= size; ++i)
    word |= static_cast<uint64_t>(static_cast<uint8_t>(end[-static_cast<int>(i)])) << (64 - 8 * i);
  return word;
}

// 1..8 decimal digits. Pairs, quads and all eight are joined by one multiplication each.
bool ParseUpTo8(const char* end, size_t size, uint64_t* value) {
  uint64_t filled = size == 8 ? 0 : Repeat('0') >> (8 * size);
  uint64_t digits = (LoadRight(end, size) | filled) ^ Repeat('0');
  if ((((digits & Repeat(0x7F)) + Repeat(0x76)) | digits) & Repeat(0x80)) return false;
  digits = (digits * 10 + (digits >> 8)) & 0x00FF00FF00FF00FFu;
  digits = (digits * 100 + (digits >> 16)) & 0x0000FFFF0000FFFFu;
  *value = (digits * 10'000 + (digits >> 32)) & 0xFFFFFFFFu;
  return true;
}

// "00" to "99".
constexpr std::array<std::array<char, 2>, 100> MakeDecimalPairs() {
  std::array<std::array<char, 2>, 100> pairs{};
  for (size_t i = 0; i < 100; ++i)
    pairs[i] = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
  return pairs;
}
constexpr auto kDecimalPairs = MakeDecimalPairs();

// Writes before `end` and returns where it wrote.
char* PutDecimalPair(uint64_t pair, char* end) {
  std::memcpy(end - 2, kDecimalPairs[pair].data(), 2);
  return end - 2;
}

char* PutHexPair(uint8_t byte, char* out) {
  std::memcpy(out, kHexPairs[byte].data(), 2);
  return out + 2;
}

// A number below 256 and the point after it; its size counts both.
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
constexpr std::array<uint8_t, 256> MakeOctetSizes() {
  std::array<uint8_t, 256> sizes{};
  for (unsigned i = 0; i < 256; ++i) sizes[i] = i >= 100 ? 4 : i >= 10 ? 3 : 2;
  return sizes;
}
constexpr auto kOctetSizes = MakeOctetSizes();
constexpr auto kOctets = MakeOctets();
constexpr std::array<unsigned, 4> kLeast{0, 0, 10, 100};  // number of so many digits, without leading zeros

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
  auto join = [p](size_t first, size_t second) {
    return Load<uint32_t>(p + first) | static_cast<uint64_t>(Load<uint32_t>(p + second)) << 32;
  };
  auto good = reinterpret_cast<Bytes16>(Words2{~uint64_t{0}, ~uint64_t{0}});
  value->high = HexDigits16(Load<uint64_t>(p), join(9, 14), &good);
  value->low = HexDigits16(join(19, 24), Load<uint64_t>(p + 28), &good);
  auto all = reinterpret_cast<Words2>(good);
  int dashes = (p[8] ^ '-') | (p[13] ^ '-') | (p[18] ^ '-') | (p[23] ^ '-');
  return (all[0] & all[1]) == ~uint64_t{0} && dashes == 0;
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

// Without a branch on what the octets are: their lengths are random, and a branch guessed wrong
// costs as much as all of this.
bool ParseIpv4(std::string_view text, uint32_t* value) {
  size_t size = text.size();
  if (size < 7 || size > 15) return false;
  const char* p = text.data();
  uint64_t low =
      size == 7 ? Load<uint32_t>(p) | static_cast<uint64_t>(Load<uint32_t>(p + 3)) << 24 : Load<uint64_t>(p);
  uint64_t high = size == 7 ? 0 : Load<uint64_t>(p + size - 8) >> (8 * (15 - size)) >> 8;
  unsigned points = (NotDigits(low) | NotDigits(high) << 8) & ((1U << size) - 1);
  std::array<unsigned, 5> at{~0U, 0, 0, 0, static_cast<unsigned>(size)};  // points, and what bounds the ends
  for (size_t i = 1; i < 4; ++i) {
    if (points == 0) return false;
    at[i] = static_cast<unsigned>(std::countr_zero(points));
    if (p[at[i]] != '.') return false;
    points &= points - 1;
  }
  if (points != 0) return false;
  uint32_t result = 0;
  unsigned bad = 0;
  for (size_t i = 0; i < 4; ++i) {
    unsigned begin = at[i] + 1;
    unsigned digits = at[i + 1] - begin;
    if (digits - 1 > 2) return false;
    unsigned shift = 8 * (4 - digits);
    // The digits on top of a word, zeros below; four bytes that the text surely has.
    uint32_t word =
        i < 2 ? Load<uint32_t>(p + begin) << shift : Load<uint32_t>(p + at[i + 1] - 4) >> shift << shift;
    unsigned number = (word >> 24 & 15) + (word >> 16 & 15) * 10 + (word >> 8 & 15) * 100;
    bad |= static_cast<unsigned>(number > 255) | static_cast<unsigned>(number < kLeast[digits]);
    result = result << 8 | number;
  }
  *value = result;
  return bad == 0;
}

size_t FormatIpv4(uint32_t value, char* out) {
  size_t size = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    unsigned octet = (value >> shift) & 0xFF;
    std::memcpy(out + size, kOctets[octet].text, sizeof kOctets[octet].text);
    size += kOctetSizes[octet];
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
  if (text.empty() || text.size() < digits_min || text.size() > kDigitsMax) return false;
  if (text.size() > digits_min && text[0] == '0') return false;
  const char* end = text.data() + text.size();
  if (text.size() <= 8) return ParseUpTo8(end, text.size(), value);
  uint64_t head = 0;
  for (char c : text.substr(0, text.size() - 8)) {
    auto digit = static_cast<unsigned>(c - '0');
    if (digit > 9) return false;
    head = head * 10 + digit;
  }
  uint64_t tail = 0;
  if (!ParseUpTo8(end, 8, &tail)) return false;
  *value = head * 100'000'000 + tail;
  return true;
}

size_t FormatDigits(uint64_t value, size_t digits_min, char* out) {
  std::array<char, kFormatDigitsMax> digits;
  char* end = digits.data() + digits.size();
  char* p = end;
  for (; value >= 100; value /= 100) p = PutDecimalPair(value % 100, p);
  p = PutDecimalPair(value, p);
  if (value < 10) ++p;
  while (end - p < static_cast<std::ptrdiff_t>(digits_min)) *--p = '0';
  auto size = static_cast<size_t>(end - p);
  std::memcpy(out, p, size);
  return size;
}

}  // namespace tallymark
