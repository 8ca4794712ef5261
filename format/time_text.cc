#include "format/time_text.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <limits>

#include "format/time_units.h"

namespace tallymark {
namespace {

std::optional<int64_t> Narrow(__int128 value) {
  if (value < std::numeric_limits<int64_t>::min() || value > std::numeric_limits<int64_t>::max()) return {};
  return static_cast<int64_t>(value);
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Exactly `digits` digits from the front of *in.
bool TakeNumber(std::string_view* in, size_t digits, int* value) {
  if (in->size() < digits) return false;
  *value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (!IsDigit((*in)[i])) return false;
    *value = *value * 10 + ((*in)[i] - '0');
  }
  in->remove_prefix(digits);
  return true;
}

bool TakeChar(std::string_view* in, std::string_view one_of) {
  if (in->empty() || one_of.find(in->front()) == std::string_view::npos) return false;
  in->remove_prefix(1);
  return true;
}

// ".25" as nanoseconds, digits past the ninth cut; nothing when there is no point.
bool TakeFraction(std::string_view* in, int64_t* nanoseconds) {
  *nanoseconds = 0;
  if (in->empty() || in->front() != '.') return true;
  in->remove_prefix(1);
  int64_t unit = kNsPerSecond;
  size_t digits = 0;
  for (; digits < in->size() && IsDigit((*in)[digits]); ++digits) {
    unit /= 10;
    *nanoseconds += ((*in)[digits] - '0') * unit;
  }
  in->remove_prefix(digits);
  return digits >= 1;
}

// Date, separator, time and fraction from the front of *in, as if in UTC.
bool TakeDateTime(std::string_view* in, std::string_view separators, __int128* nanoseconds) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int64_t fraction = 0;
  if (!TakeNumber(in, 4, &year) || !TakeChar(in, "-") || !TakeNumber(in, 2, &month) || !TakeChar(in, "-") ||
      !TakeNumber(in, 2, &day) || !TakeChar(in, separators) || !TakeNumber(in, 2, &hour) ||
      !TakeChar(in, ":") || !TakeNumber(in, 2, &minute) || !TakeChar(in, ":") ||
      !TakeNumber(in, 2, &second) || !TakeFraction(in, &fraction)) {
    return false;
  }
  std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return false;
  __int128 days = std::chrono::sys_days(date).time_since_epoch().count();
  *nanoseconds =
      days * kNsPerDay + hour * kNsPerHour + minute * kNsPerMinute + second * kNsPerSecond + fraction;
  return true;
}

bool TakeOffset(std::string_view* in, int64_t* nanoseconds) {
  *nanoseconds = 0;
  if (TakeChar(in, "Zz")) return true;
  if (in->empty() || (in->front() != '+' && in->front() != '-')) return false;
  int64_t sign = in->front() == '-' ? -1 : 1;
  in->remove_prefix(1);
  int hours = 0, minutes = 0;
  if (!TakeNumber(in, 2, &hours) || !TakeChar(in, ":") || !TakeNumber(in, 2, &minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  *nanoseconds = sign * (hours * kNsPerHour + minutes * kNsPerMinute);
  return true;
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

int64_t UnitNs(EpochUnit unit, int64_t value) {
  switch (unit) {
    case EpochUnit::kSeconds:
      return kNsPerSecond;
    case EpochUnit::kMilliseconds:
      return kNsPerMs;
    case EpochUnit::kMicroseconds:
      return 1000;
    case EpochUnit::kNanoseconds:
      return 1;
    case EpochUnit::kByMagnitude:
      break;
  }
  constexpr int64_t kFirstMs = 100'000'000'000, kFirstUs = 1000 * kFirstMs, kFirstNs = 1000 * kFirstUs;
  auto below = [value](int64_t bound) { return value < bound && value > -bound; };
  return below(kFirstMs) ? kNsPerSecond : below(kFirstUs) ? kNsPerMs : below(kFirstNs) ? 1000 : 1;
}

// "1609459200" or "1609459200.5"; a fraction finer than a nanosecond is refused.
std::optional<int64_t> ParseEpoch(std::string_view text, EpochUnit unit) {
  size_t point = text.find('.');
  auto whole = ParseInteger(text.substr(0, point));
  if (!whole) return {};
  int64_t unit_ns = UnitNs(unit, *whole);
  __int128 value = static_cast<__int128>(*whole) * unit_ns;
  if (point != std::string_view::npos) {
    bool negative = text.front() == '-';
    std::string_view digits = text.substr(point + 1);
    if (digits.empty()) return {};
    int64_t place = unit_ns;
    for (char c : digits) {
      if (!IsDigit(c) || (place == 1 && c != '0')) return {};
      if (place > 1) place /= 10;
      value += (negative ? -1 : 1) * (c - '0') * place;
    }
  }
  return Narrow(value);
}

}  // namespace

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  __int128 local = 0;
  int64_t offset = 0;
  if (!TakeDateTime(&text, "Tt ", &local) || !TakeOffset(&text, &offset) || !text.empty()) return {};
  return Narrow(local - offset);
}

std::optional<int64_t> ParseDateTime(std::string_view text) {
  if (auto time = ParseRfc3339(text)) return time;
  __int128 utc = 0;
  if (!TakeDateTime(&text, " ", &utc) || !text.empty()) return {};
  return Narrow(utc);
}

std::optional<EpochUnit> ParseEpochUnit(std::string_view name) {
  if (name == "auto") return EpochUnit::kByMagnitude;
  if (name == "s") return EpochUnit::kSeconds;
  if (name == "ms") return EpochUnit::kMilliseconds;
  if (name == "us") return EpochUnit::kMicroseconds;
  if (name == "ns") return EpochUnit::kNanoseconds;
  return {};
}

std::optional<int64_t> ParseFileTime(std::string_view text, EpochUnit unit) {
  if (auto time = ParseEpoch(text, unit)) return time;
  return ParseDateTime(text);
}

std::optional<int64_t> ParseQueryTime(std::string_view text, int64_t now_ns) {
  if (text == "now") return now_ns;
  if (text.starts_with("now-")) {
    auto back = ParseDuration(text.substr(4));
    if (!back) return {};
    return Narrow(static_cast<__int128>(now_ns) - *back);
  }
  if (auto ms = ParseInteger(text)) return Narrow(static_cast<__int128>(*ms) * kNsPerMs);
  return ParseRfc3339(text);
}

std::optional<int64_t> ParseDuration(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) ++digits;
  auto count = ParseInteger(text.substr(0, digits));
  if (!count) return {};
  std::string_view unit = text.substr(digits);
  int64_t unit_ns = unit == "ms"  ? kNsPerMs
                    : unit == "s" ? kNsPerSecond
                    : unit == "m" ? kNsPerMinute
                    : unit == "h" ? kNsPerHour
                    : unit == "d" ? kNsPerDay
                                  : 0;
  if (unit_ns == 0) return {};
  return Narrow(static_cast<__int128>(*count) * unit_ns);
}

std::string FormatRfc3339(int64_t time_ns) {
  int64_t days = FloorDiv(time_ns, kNsPerDay);
  int64_t rest = time_ns % kNsPerDay;
  if (rest < 0) rest += kNsPerDay;
  std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  char buffer[64];
  int size =
      std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>(rest / kNsPerHour), static_cast<int>(rest / kNsPerMinute % 60),
                    static_cast<int>(rest / kNsPerSecond % 60));
  std::string text(buffer, static_cast<size_t>(size));
  auto fraction = static_cast<int>(rest % kNsPerSecond);
  if (fraction != 0) {
    int digits = fraction % 1'000'000 == 0 ? 3 : fraction % 1000 == 0 ? 6 : 9;
    int shown = digits == 3 ? fraction / 1'000'000 : digits == 6 ? fraction / 1000 : fraction;
    size = std::snprintf(buffer, sizeof buffer, ".%0*d", digits, shown);
    text.append(buffer, static_cast<size_t>(size));
  }
  return text + "Z";
}

}  // namespace tallymark
