#include "format/event_number.h"

#include <array>
#include <charconv>
#include <limits>
#include <system_error>

namespace tallymark {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

template <class T>
NumberError ParseWhole(std::string_view text, T* value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return NumberError::kSyntax;
  return error == std::errc() ? NumberError::kNone : NumberError::kRange;
}

// What the shape of a float says before any arithmetic.
struct FloatShape {
  bool valid = false;
  // The decimal exponent of the first digit that is not 0: 12.3 has 1, 0.012 has -2.
  int64_t magnitude = 0;
  bool zero = true;
};

// Exponents beyond this decide overflow and underflow whatever the digits say.
constexpr int64_t kExponentClamp = 1'000'000'000;

bool ReadExponent(std::string_view text, size_t at, int64_t* exponent) {
  bool negative = at < text.size() && text[at] == '-';
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  if (at == text.size()) return false;
  int64_t value = 0;
  for (; at < text.size(); ++at) {
    if (!IsDigit(text[at])) return false;
    if (value < kExponentClamp) value = value * 10 + (text[at] - '0');
  }
  *exponent = negative ? -value : value;
  return true;
}

FloatShape ShapeOf(std::string_view text) {
  FloatShape shape;
  size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  int64_t whole_digits = 0;  // since the first that is not 0
  int64_t zeros_after_point = 0;
  size_t digits = 0;
  for (; at < text.size() && IsDigit(text[at]); ++at, ++digits) {
    if (text[at] != '0') shape.zero = false;
    if (!shape.zero) ++whole_digits;
  }
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && IsDigit(text[at]); ++at, ++digits) {
      if (shape.zero && text[at] == '0') ++zeros_after_point;
      if (text[at] != '0') shape.zero = false;
    }
  }
  if (digits == 0) return shape;
  int64_t exponent = 0;
  if (at < text.size()) {
    if (text[at] != 'e' && text[at] != 'E') return shape;
    if (!ReadExponent(text, at + 1, &exponent)) return shape;
  }
  shape.valid = true;
  shape.magnitude = exponent + (whole_digits > 0 ? whole_digits - 1 : -zeros_after_point - 1);
  return shape;
}

}  // namespace

NumberError ParseLineInt(std::string_view text, int64_t* value) { return ParseWhole(text, value); }

NumberError ParseLineUint(std::string_view text, uint64_t* value) { return ParseWhole(text, value); }

NumberError ParseLineFloat(std::string_view text, double* value) {
  FloatShape shape = ShapeOf(text);
  if (!shape.valid) return NumberError::kSyntax;
  *value = text[0] == '-' ? -0.0 : 0.0;
  if (shape.zero || shape.magnitude < -400) return NumberError::kNone;
  if (shape.magnitude > 400) return NumberError::kRange;
  double parsed = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  // The library calls both ends of the range out of range; the magnitude tells them apart.
  if (error == std::errc::result_out_of_range) {
    return shape.magnitude > 0 ? NumberError::kRange : NumberError::kNone;
  }
  if (parsed > std::numeric_limits<double>::max() || parsed < std::numeric_limits<double>::lowest()) {
    return NumberError::kRange;
  }
  *value = parsed;
  return NumberError::kNone;
}

NumberError CheckLineFloat(std::string_view text) {
  FloatShape shape = ShapeOf(text);
  if (!shape.valid) return NumberError::kSyntax;
  if (shape.zero || shape.magnitude < 308) return NumberError::kNone;
  double ignored = 0;
  return ParseLineFloat(text, &ignored);
}

bool ParseLineBool(std::string_view text, bool* value) {
  constexpr std::array<std::string_view, 10> kWords = {"t", "T", "true",  "True",  "TRUE",
                                                       "f", "F", "false", "False", "FALSE"};
  for (size_t i = 0; i < kWords.size(); ++i) {
    if (text != kWords[i]) continue;
    *value = i < kWords.size() / 2;
    return true;
  }
  return false;
}

}  // namespace tallymark
