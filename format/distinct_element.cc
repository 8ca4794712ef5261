#include "format/distinct_element.h"

// A dozen bytes are hashed in a few nanoseconds; a call into the library would cost as much again.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

namespace tallymark {
namespace {

constexpr uint32_t kHashed = 0x8000'0000U;
constexpr uint64_t kNumbered = uint64_t{1} << 62;
constexpr unsigned kPrefixSizeShift = 8 * kNumberedPrefixMax;
constexpr size_t kDigitsMax = 10;  // of a number of 32 bits
constexpr size_t kIpv4TextMin = 7;
constexpr size_t kIpv4TextMax = 15;

// Stored at once: bytes that were stored in pieces are read back later than they would be otherwise, and
// hashing reads them at once.
using TwoWords = uint64_t __attribute__((vector_size(16)));

DistinctElement ElementOf(XXH128_hash_t hash) {
  return {{static_cast<uint32_t>(hash.high64 >> 32) | kHashed, static_cast<uint32_t>(hash.high64),
           static_cast<uint32_t>(hash.low64 >> 32)}};
}

DistinctElement HashOfText(std::string_view text) {
  return ElementOf(XXH3_128bits(text.data(), text.size()));
}

constexpr uint64_t EachByte(uint64_t byte) { return 0x0101'0101'0101'0101ULL * byte; }

// The top bit of each byte that is zero.
uint64_t ZeroBytes(uint64_t x) { return ~(((x & EachByte(0x7F)) + EachByte(0x7F)) | x | EachByte(0x7F)); }
uint64_t Dots(uint64_t bytes) { return ZeroBytes(bytes ^ EachByte('.')); }
// '0' to '9' alone have 3 for upper half and keep it when 6 is added.
uint64_t AreDigits(uint64_t bytes) {
  const uint64_t plus_six = (bytes & EachByte(0x7F)) + EachByte(6);
  const uint64_t upper = (bytes ^ EachByte('0')) | (plus_six ^ EachByte('0'));
  return ZeroBytes(upper & EachByte(0xF0));
}
// Counting bits is a call into a library on a baseline processor.
bool IsSingleBit(uint32_t bits) { return bits != 0 && (bits & (bits - 1)) == 0; }
// Bit i is the top bit of byte i.
uint32_t Gather(uint64_t top_bits) {
  return static_cast<uint32_t>((top_bits * 0x0002'0408'1020'4081ULL) >> 56);
}

// False for every text that is not four numbers of 0..255 with dots between them. How many digits
// they have is as random as addresses are: no branch asks for it.
bool ReadIpv4(std::string_view text, uint32_t* address) {
  const size_t size = text.size();
  if (size < kIpv4TextMin || size > kIpv4TextMax) return false;
  if (size == kIpv4TextMin) {
    char padded[kIpv4TextMin + 2] = {'0', '0'};  // for the loads below
    std::memcpy(padded + 2, text.data(), size);
    return ReadIpv4({padded, sizeof padded}, address);
  }
  uint64_t low = 0;
  uint64_t high = 0;
  std::memcpy(&low, text.data(), sizeof low);
  std::memcpy(&high, text.data() + size - sizeof high, sizeof high);
  high = high >> (8 * (kIpv4TextMax - size)) >> 8;
  uint32_t dots = Gather(Dots(low)) | Gather(Dots(high)) << 8;
  const uint32_t digits = Gather(AreDigits(low)) | Gather(AreDigits(high)) << 8;
  uint32_t third = dots & (dots - 1);
  third &= third - 1;
  if ((dots | digits) != (1U << size) - 1 || !IsSingleBit(third)) return false;
  dots |= 1U << size;
  auto rest = static_cast<unsigned __int128>(high) << 64 | low;
  uint32_t bad = 0;
  uint32_t begin = 0;
  *address = 0;
  for (int i = 0; i < 4; ++i) {
    const auto end = static_cast<uint32_t>(std::countr_zero(dots));
    const uint32_t length = end - begin;
    // Three digits, with zeros in front, a byte each.
    const uint32_t three = static_cast<uint32_t>(rest) << (8 * (3 - (length & 3))) & 0x0F'0F'0F;
    const uint32_t octet = (three & 0xFF) * 100 + (three >> 8 & 0xFF) * 10 + (three >> 16);
    bad |= static_cast<uint32_t>(length - 1 > 2) | static_cast<uint32_t>(octet > 255);
    *address = *address << 8 | octet;
    rest >>= 8 * (length + 1);
    begin = end + 1;
    dots &= dots - 1;
  }
  return bad == 0;
}

constexpr uint32_t kEightDigits = 100'000'000;  // numbers below it have no more
struct Digits {
  uint64_t text = 0;  // the first digit in the lowest byte
  size_t size = 0;
};

// The decimal digits of a number below kEightDigits: all eight are made at once, two halves of four, then
// four pairs, then eight digits; 10,486 and 103 are 2^20 / 100 and 2^10 / 10, rounded up, for dividing.
Digits DigitsOf(uint32_t number) {
  const uint64_t fours = number / 10'000 | uint64_t{number % 10'000} << 32;
  const uint64_t hundreds = (fours * 10'486) >> 20 & 0x7F'0000'007F;
  const uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
  const uint64_t tens = (pairs * 103) >> 10 & 0x000F'000F'000F'000F;
  const uint64_t digits = tens | (pairs - 10 * tens) << 8;
  const auto zeros = digits == 0 ? 7U : static_cast<unsigned>(std::countr_zero(digits)) / 8;
  return {(digits | EachByte('0')) >> (8 * zeros), 8 - zeros};
}

// Of the text that a numbered user id is.
XXH128_hash_t HashOfNumbered(const DistinctElement& element) {
  // The bytes of the prefix, in order, and zeros.
  const uint64_t prefix = __builtin_bswap64(element.high() << 8);
  const size_t prefix_size = element.high() >> kPrefixSizeShift & 7;
  const uint32_t number = element.word[2];
  if (number < kEightDigits) {
    const Digits digits = DigitsOf(number);
    const auto all = static_cast<unsigned __int128>(digits.text) << (8 * prefix_size) | prefix;
    const TwoWords text = {static_cast<uint64_t>(all), static_cast<uint64_t>(all >> 64)};
    return XXH3_128bits(&text, prefix_size + digits.size);
  }
  std::array<char, kNumberedPrefixMax + kDigitsMax> text;
  std::memcpy(text.data(), &prefix, sizeof prefix);
  const char* end = std::to_chars(text.data() + prefix_size, text.data() + text.size(), number).ptr;
  return XXH3_128bits(text.data(), static_cast<size_t>(end - text.data()));
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// False for every text that is not a numbered user id.
bool ReadNumbered(std::string_view text, DistinctElement* element) {
  uint64_t number = 0;
  uint64_t scale = 1;
  size_t begin = text.size();
  for (; begin > 0 && IsDigit(text[begin - 1]); --begin, scale *= 10) {
    if (text.size() - begin == kDigitsMax) return false;
    number += static_cast<unsigned>(text[begin - 1] - '0') * scale;
  }
  if (begin == text.size() || begin > kNumberedPrefixMax || number > kNumberedMax) return false;
  if (text[begin] == '0' && begin + 1 != text.size()) return false;
  const uint64_t high = NumberedPrefix(text.substr(0, begin));
  *element = {
      {static_cast<uint32_t>(high >> 32), static_cast<uint32_t>(high), static_cast<uint32_t>(number)}};
  return true;
}

}  // namespace

bool IsNumberedPrefix(std::string_view prefix) {
  return prefix.size() <= kNumberedPrefixMax && (prefix.empty() || !IsDigit(prefix.back()));
}

uint64_t NumberedPrefix(std::string_view prefix) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < prefix.size(); ++i)
    bytes |= uint64_t{static_cast<uint8_t>(prefix[i])} << (8 * (kNumberedPrefixMax - 1 - i));
  return kNumbered | uint64_t{prefix.size()} << kPrefixSizeShift | bytes;
}

std::string_view NumberedPrefixText(uint64_t high, std::array<char, kNumberedPrefixMax>* bytes) {
  for (size_t i = 0; i < bytes->size(); ++i)
    (*bytes)[i] = static_cast<char>(high >> (8 * (kNumberedPrefixMax - 1 - i)));
  return {bytes->data(), static_cast<size_t>(high >> kPrefixSizeShift & 7)};
}

DistinctElement UserElement(std::string_view user_id) {
  if (user_id.empty()) return kNoElement;
  DistinctElement numbered;
  return ReadNumbered(user_id, &numbered) ? numbered : HashOfText(user_id);
}

DistinctElement HashedElement(const DistinctElement& element) {
  return element.IsNumbered() ? ElementOf(HashOfNumbered(element)) : element;
}

DistinctElement AddressElement(std::string_view ip) {
  uint32_t address = 0;
  if (ReadIpv4(ip, &address)) return {{0, 0, address}};
  return ip.empty() ? kNoElement : HashOfText(ip);
}

uint64_t SketchHash(const DistinctElement& element) {
  if (!element.IsNumbered()) return XXH3_64bits(element.word.data(), sizeof element.word);
  const XXH128_hash_t hash = HashOfNumbered(element);
  // The words of ElementOf(hash).
  const uint64_t first = std::rotl(hash.high64 | uint64_t{kHashed} << 32, 32);
  const TwoWords words = {first, hash.low64 >> 32};
  return XXH3_64bits(&words, sizeof(DistinctElement));
}

}  // namespace tallymark
