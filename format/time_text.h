#ifndef TALLYMARK_FORMAT_TIME_TEXT_H_
#define TALLYMARK_FORMAT_TIME_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tallymark {

// Times and spans as people write them, to nanoseconds since the epoch (UTC) and back. Every
// parser takes the whole text, without blanks around it, and gives an empty optional for anything
// it does not understand and for times outside int64 nanoseconds (the years 1677 to 2262). Thread
// safe: there is no state.

// "2021-01-01T00:15:00Z", "2021-01-01t00:15:00.25+02:00": RFC 3339; decimals past the ninth are cut.
// Days that a month does not have are refused; second 60 is the first of the next minute.
std::optional<int64_t> ParseRfc3339(std::string_view text);

// The same, and "2021-01-01 00:15:00" with an optional fraction, which is taken as UTC.
std::optional<int64_t> ParseDateTime(std::string_view text);

// How an epoch number in a file is to be read. kByMagnitude decides by the number's size: below
// 10^11 it is seconds (until the year 5138), below 10^14 milliseconds, below 10^17 microseconds,
// else nanoseconds; so early 1970 is only reached by naming the unit.
enum class EpochUnit : uint8_t { kByMagnitude, kSeconds, kMilliseconds, kMicroseconds, kNanoseconds };

// "s", "ms", "us", "ns" or "auto".
std::optional<EpochUnit> ParseEpochUnit(std::string_view name);

// A time cell of a file: an epoch number ("1609459200", "1609459200.5") in `unit`, or what
// ParseDateTime takes.
std::optional<int64_t> ParseFileTime(std::string_view text, EpochUnit unit);

// A time as queries and the tool take it: integer epoch milliseconds, RFC 3339, "now", "now-15m".
std::optional<int64_t> ParseQueryTime(std::string_view text, int64_t now_ns);

// "250ms", "90s", "15m", "24h", "7d": a whole number, not negative, and its unit; nanoseconds.
std::optional<int64_t> ParseDuration(std::string_view text);

// "2021-01-01T00:15:00Z"; with a fraction of 3, 6 or 9 digits only where it is needed.
std::string FormatRfc3339(int64_t time_ns);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_TIME_TEXT_H_
