#ifndef TALLYMARK_FORMAT_COLUMN_SHAPES_H_
#define TALLYMARK_FORMAT_COLUMN_SHAPES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tallymark {

// Texts of known shape as numbers. Each Parse takes exactly the texts that its Format gives back
// byte for byte, and fails for any other spelling of the same value. A stored block relies on
// these rules: they never change. Format* write at `out`, which must have room for the named
// maximum, and return how many bytes they wrote (they may scribble on the rest of that room).

// A 128-bit number, most significant half first as the text has it.
struct TwoWords {
  uint64_t high = 0;
  uint64_t low = 0;
};

// "123e4567-e89b-12d3-a456-426614174000": 8-4-4-4-12 lowercase hex digits, any version.
inline constexpr size_t kUuidBytes = 36;
bool ParseUuid(std::string_view text, TwoWords* value);
size_t FormatUuid(TwoWords value, char* out);

// "192.0.2.1": four decimal numbers up to 255 without leading zeros.
inline constexpr size_t kIpv4BytesMax = 16;  // the longest has 15
bool ParseIpv4(std::string_view text, uint32_t* value);
size_t FormatIpv4(uint32_t value, char* out);

// "2001:db8::1": lowercase hex groups without leading zeros, the first longest run of two or more
// zero groups written "::" (RFC 5952, except that no part is ever dotted decimal).
inline constexpr size_t kIpv6BytesMax = 39;
bool ParseIpv6(std::string_view text, TwoWords* value);
size_t FormatIpv6(TwoWords value, char* out);

// Decimal digits, at least `digits_min` (>= 1) of them, leading zeros only to reach that many.
inline constexpr size_t kDigitsMax = 19;  // all 19-digit numbers fit 64 bits; 20 digits are not taken
bool ParseDigits(std::string_view text, size_t digits_min, uint64_t* value);
// digits_min <= kDigitsMax. Writes up to 20 bytes: any 64-bit number.
inline constexpr size_t kFormatDigitsMax = 20;
size_t FormatDigits(uint64_t value, size_t digits_min, char* out);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_COLUMN_SHAPES_H_
