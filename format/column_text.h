#ifndef TALLYMARK_FORMAT_COLUMN_TEXT_H_
#define TALLYMARK_FORMAT_COLUMN_TEXT_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "format/distinct_element.h"
#include "format/status.h"

namespace tallymark {

// How a run of texts is coded. Stored in raw blocks: never renumber. Layouts in raw_block.md.
enum class TextEncoding : uint8_t {
  kConstant = 1,    // every text is this one
  kPlain = 2,       // lengths, then the bytes
  kPlainLz4 = 3,    // lengths, then the bytes compressed
  kUuid = 4,        // canonical UUIDs as numbers, without the bits that are equal in all
  kIpv4 = 5,        // canonical IPv4 addresses as numbers
  kIpv6 = 6,        // canonical IPv6 addresses as numbers
  kNumber = 7,      // a common prefix and a decimal number
  kDictionary = 8,  // the distinct texts (texts again), then which one
  kSplit = 9,       // two runs of texts and which text is in the first
};
inline constexpr uint8_t kTextEncodingMax = 9;

inline constexpr size_t kTextBytesMax = 65'534;      // of one text
inline constexpr size_t kNumberPrefixBytesMax = 32;  // of kNumber's prefix
inline constexpr unsigned kTextDepthMax = 4;         // dictionaries and splits inside one another
inline constexpr size_t kLz4RatioMax = 255;          // no LZ4 stream expands further

// The first two bytes of kUuid.
struct UuidForm {
  static constexpr uint8_t kAnyVersion = 16;  // differs between texts: stored with each
  static constexpr uint8_t kAnyVariant = 4;
  uint8_t version = kAnyVersion;  // else the 13th digit, 0..15
  uint8_t variant = kAnyVariant;  // else the upper two bits of the 17th digit, 0..3
};

// Chooses the encoding by looking at the texts. Keeps scratch memory; not thread safe.
class TextEncoder {
 public:
  TextEncoder();
  ~TextEncoder();

  // Appends 1..65,535 texts of at most kTextBytesMax bytes, without the encoding's own number,
  // which it returns. Equal input gives equal bytes (for one version of liblz4).
  // `known`, empty or one a text: the text's UserElement or AddressElement, or kNoElement. It changes no
  // byte, but texts that an element gives whole are not read again, which is a cache miss each.
  TextEncoding Encode(std::span<const std::string_view> texts, std::span<const DistinctElement> known,
                      std::string* out);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

// Where a decoded text lies in the string it was appended to.
struct TextPlace {
  uint32_t offset = 0;
  uint16_t size = 0;
};

// Decodes texts [begin, begin + places.size()) of a column of `count` (<= 65,535) texts, appending
// what it needs to *text (several places may share bytes). `body` is what Encode appended, and
// all of it must be used up. Corruption when damaged, Exhausted when *text would pass 4 GiB;
// *text may then have grown. Allocates in proportion to places.size() and to kLz4RatioMax times
// body.size() at most.
Status DecodeTexts(uint8_t encoding, std::string_view body, size_t count, size_t begin,
                   std::span<TextPlace> places, std::string* text);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_COLUMN_TEXT_H_
