#include "format/distinct_element.h"

// A dozen bytes are hashed in a few nanoseconds; a call into the library would cost as much again.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "format/column_shapes.h"

namespace tallymark {
namespace {

constexpr uint32_t kHashed = 0x8000'0000U;
constexpr uint64_t kNumbered = uint64_t{1} << 62;
constexpr unsigned kPrefixSizeShift = 8 * kNumberedPrefixMax;
constexpr size_t kNumberedDigitsMax = 10;  // of a number of 32 bits

// Stored at once: bytes that were stored in pieces are read back later than they would be otherwise, and
// hashing reads them at once.
using WordPair = uint64_t __attribute__((vector_size(16)));

DistinctElement ElementOf(XXH128_hash_t hash) {
  return {{static_cast<uint32_t>(hash.high64 >> 32) | kHashed, static_cast<uint32_t>(hash.high64),
           static_cast<uint32_t>(hash.low64 >> 32)}};
}

DistinctElement HashOfText(std::string_view text) {
  return ElementOf(XXH3_128bits(text.data(), text.size()));
}

constexpr uint64_t EachByte(uint64_t byte) { return 0x0101'0101'0101'0101ULL * byte; }

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
    const WordPair text = {static_cast<uint64_t>(all), static_cast<uint64_t>(all >> 64)};
    return XXH3_128bits(&text, prefix_size + digits.size);
  }
  std::array<char, kNumberedPrefixMax + kNumberedDigitsMax> text;
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
    if (text.size() - begin == kNumberedDigitsMax) return false;
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
  if (ParseIpv4(ip, &address)) return {{0, 0, address}};
  return ip.empty() ? kNoElement : HashOfText(ip);
}

uint64_t SketchHash(const DistinctElement& element) {
  if (!element.IsNumbered()) return XXH3_64bits(element.word.data(), sizeof element.word);
  const XXH128_hash_t hash = HashOfNumbered(element);
  // The words of ElementOf(hash).
  const uint64_t first = std::rotl(hash.high64 | uint64_t{kHashed} << 32, 32);
  const WordPair words = {first, hash.low64 >> 32};
  return XXH3_64bits(&words, sizeof(DistinctElement));
}

}  // namespace tallymark
