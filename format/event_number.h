#ifndef TALLYMARK_FORMAT_EVENT_NUMBER_H_
#define TALLYMARK_FORMAT_EVENT_NUMBER_H_

#include <cstdint>
#include <string_view>

namespace tallymark {

// The numbers and booleans of line protocol. Each takes the whole text and nothing else: no
// spaces, no plus sign, no hexadecimal, no "nan" or "inf". Independent of the locale.
enum class NumberError : uint8_t {
  kNone = 0,
  kSyntax,  // not of this form
  kRange,   // of the form, but too large for the type
};

// -?[0-9]+ (without the i) that fits 64 signed bits.
NumberError ParseLineInt(std::string_view text, int64_t* value);
// [0-9]+ (without the u) that fits 64 bits.
NumberError ParseLineUint(std::string_view text, uint64_t* value);
// -?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?, rounded to the nearest double. What is too small
// for a double is 0; what is too large is kRange.
NumberError ParseLineFloat(std::string_view text, double* value);
// The same answer as ParseLineFloat without the value: usually a tenth of its price.
NumberError CheckLineFloat(std::string_view text);
// t T true True TRUE f F false False FALSE. False when it is none of them.
bool ParseLineBool(std::string_view text, bool* value);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_EVENT_NUMBER_H_
