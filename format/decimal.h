#ifndef TALLYMARK_FORMAT_DECIMAL_H_
#define TALLYMARK_FORMAT_DECIMAL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tallymark {

inline constexpr int64_t kMicrosPerUnit = 1'000'000;

// Money as text to millionths, without a float on the way. Accepts an optional sign, digits, an
// optional point with at most six decimals after trailing zeros are cut ("1.2300000" is fine,
// "0.0000001" is not), and a decimal exponent ("1.5e2") as line protocol floats may have one.
// Empty optional: not a decimal, too many decimals, or out of int64 millionths.
std::optional<int64_t> ParseMicros(std::string_view text);

// "12.340000": always six decimals, a minus sign where negative.
std::string FormatMicros(int64_t micros);

// Decimal digits, also of what does not fit 64 bits.
std::string WideText(__int128 value);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_DECIMAL_H_
