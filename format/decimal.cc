#include "format/decimal.h"

#include <algorithm>
#include <limits>

namespace tallymark {
namespace {

constexpr int kMicrosDigits = 6;
constexpr int64_t kInt64DigitsMax = 19;
// Far above what any text we hold can balance with its digits, far below where sums could overflow.
constexpr int64_t kExponentMax = 1'000'000'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reads [sign]digits to the end of `text`; saturates instead of overflowing.
std::optional<int64_t> ParseExponent(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  int64_t value = 0;
  for (char c : text) {
    if (!IsDigit(c)) return std::nullopt;
    if (value < kExponentMax) value = value * 10 + (c - '0');
  }
  return negative ? -value : value;
}

// The digits of a decimal from its first to its last non-zero one: digits * 10^scale.
struct Significant {
  uint64_t digits = 0;  // meaningful while count fits kInt64DigitsMax
  int64_t count = 0;    // 0 when the value is 0
  int64_t scale = 0;
};

class DigitReader {
 public:
  void Add(char c, bool after_point) {
    seen_ = true;
    if (after_point) --result_.scale;
    if (c == '0') {
      ++zeros_;
      return;
    }
    for (; zeros_ > 0; --zeros_) Push(0);
    Push(static_cast<uint64_t>(c - '0'));
  }
  bool seen() const { return seen_; }
  Significant Finish() {
    result_.scale += zeros_;
    return result_;
  }

 private:
  void Push(uint64_t digit) {
    if (result_.count == 0 && digit == 0) return;
    if (++result_.count <= kInt64DigitsMax) result_.digits = result_.digits * 10 + digit;
  }

  Significant result_;
  int64_t zeros_ = 0;  // not yet known to be trailing
  bool seen_ = false;
};

}  // namespace

std::optional<int64_t> ParseMicros(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  DigitReader reader;
  bool point = false;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    if (IsDigit(text[i])) {
      reader.Add(text[i], point);
    } else if (text[i] == '.' && !point) {
      point = true;
    } else {
      break;
    }
  }
  if (!reader.seen()) return std::nullopt;
  Significant number = reader.Finish();
  if (i < text.size()) {
    if (text[i] != 'e' && text[i] != 'E') return std::nullopt;
    std::optional<int64_t> exponent = ParseExponent(text.substr(i + 1));
    if (!exponent) return std::nullopt;
    number.scale += *exponent;
  }
  if (number.count == 0) return 0;
  number.scale += kMicrosDigits;
  if (number.scale < 0 || number.count + number.scale > kInt64DigitsMax) return std::nullopt;
  uint64_t magnitude = number.digits;
  for (; number.scale > 0; --number.scale) magnitude *= 10;
  auto limit = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
  if (magnitude > limit) return std::nullopt;
  return static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
}

std::string FormatMicros(int64_t micros) {
  auto magnitude = static_cast<uint64_t>(micros);
  if (micros < 0) magnitude = 0 - magnitude;
  constexpr auto kUnit = static_cast<uint64_t>(kMicrosPerUnit);
  std::string fraction = std::to_string(magnitude % kUnit);
  std::string out = micros < 0 ? "-" : "";
  out += std::to_string(magnitude / kUnit);
  out += '.';
  out.append(kMicrosDigits - fraction.size(), '0');
  return out + fraction;
}

std::string WideText(__int128 value) {
  using Wide = unsigned __int128;
  Wide rest = value < 0 ? -static_cast<Wide>(value) : static_cast<Wide>(value);
  std::string digits;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  if (value < 0) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace tallymark
