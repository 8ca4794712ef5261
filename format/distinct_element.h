#ifndef TALLYMARK_FORMAT_DISTINCT_ELEMENT_H_
#define TALLYMARK_FORMAT_DISTINCT_ELEMENT_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace tallymark {

// What a distinct set holds of one user or one address: 96 bits (distinct_set.md says why that many).
// An IPv4 address is itself, and so is a user id that ends in a number, such as u123, so they are told
// apart without any hash; everything else is a hash with its top bit set. Stored in rows of `distinct`:
// never to change.
struct DistinctElement {
  std::array<uint32_t, 3> word{};  // the most significant first

  uint64_t high() const { return static_cast<uint64_t>(word[0]) << 32 | word[1]; }
  bool IsHash() const { return word[0] >> 31 != 0; }
  // An IPv4 address; the last word is all of it.
  bool IsAddress() const { return high() == 0; }
  // A user id that is itself. high() is what stands before its number, the last word is the number.
  bool IsNumbered() const { return word[0] >> 30 == 1; }

  // Not the array's, which is a call.
  friend bool operator==(const DistinctElement& a, const DistinctElement& b) {
    return a.high() == b.high() && a.word[2] == b.word[2];
  }
  friend bool operator<(const DistinctElement& a, const DistinctElement& b) {
    return a.high() != b.high() ? a.high() < b.high() : a.word[2] < b.word[2];
  }
};
static_assert(sizeof(DistinctElement) == 12);

// In an element's place: there is none. It is neither an address nor a number nor a hash, so no text has it.
inline constexpr DistinctElement kNoElement = {{0, 1, 0}};

// The element of a user id; an empty one is nobody: kNoElement. Numbered when the id is at most
// kNumberedPrefixMax bytes and then a decimal number of 32 bits without leading zeros, which takes in all
// digits at its end.
DistinctElement UserElement(std::string_view user_id);
inline constexpr size_t kNumberedPrefixMax = 7;
inline constexpr uint32_t kNumberedMax = UINT32_MAX;

// Of a numbered user id: what stands before the number, as high() has it, and back. The text of a prefix
// is a view into *bytes. Precondition: IsNumberedPrefix.
bool IsNumberedPrefix(std::string_view prefix);  // short enough, and no digit at its end
uint64_t NumberedPrefix(std::string_view prefix);
std::string_view NumberedPrefixText(uint64_t high, std::array<char, kNumberedPrefixMax>* bytes);

// What a numbered user id would be as a hash; any other element is returned as it is. Sketches and rows
// of the first form know hashes alone.
DistinctElement HashedElement(const DistinctElement& element);

// The element of an address in the text that events carry: FormatIp's. Any other text is hashed; of
// an empty one kNoElement.
DistinctElement AddressElement(std::string_view ip);

// 64 uniform bits of an element, for sketches.
uint64_t SketchHash(const DistinctElement& element);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_DISTINCT_ELEMENT_H_
