#ifndef TALLYMARK_FORMAT_TIME_UNITS_H_
#define TALLYMARK_FORMAT_TIME_UNITS_H_

#include <cstdint>

namespace tallymark {

inline constexpr int64_t kNsPerMs = 1'000'000;
inline constexpr int64_t kNsPerSecond = 1'000'000'000;
inline constexpr int64_t kNsPerMinute = 60 * kNsPerSecond;
inline constexpr int64_t kNsPerHour = 60 * kNsPerMinute;
inline constexpr int64_t kNsPerDay = 24 * kNsPerHour;
inline constexpr int64_t kMsPerMinute = 60'000;
inline constexpr int64_t kMsPerHour = 60 * kMsPerMinute;
inline constexpr int64_t kMsPerDay = 24 * kMsPerHour;
inline constexpr int kMinutesPerHour = 60;
inline constexpr int kHoursPerDay = 24;

// Division that rounds down, also below zero: buckets are half open and aligned to the epoch, so
// the nanosecond before 1970 belongs to minute -1. `divisor` > 0.
constexpr int64_t FloorDiv(int64_t value, int64_t divisor) {
  int64_t quotient = value / divisor;
  return (value % divisor < 0) ? quotient - 1 : quotient;
}

// Buckets of an event time in nanoseconds since the epoch. int64 nanoseconds reach from 1677 to
// 2262, which fits 32 bits even in minutes.
constexpr int32_t MinuteOf(int64_t time_ns) { return static_cast<int32_t>(FloorDiv(time_ns, kNsPerMinute)); }
constexpr int32_t HourOf(int64_t time_ns) { return static_cast<int32_t>(FloorDiv(time_ns, kNsPerHour)); }
constexpr int32_t DayOf(int64_t time_ns) { return static_cast<int32_t>(FloorDiv(time_ns, kNsPerDay)); }
constexpr int32_t DayOfHour(int32_t hour) { return static_cast<int32_t>(FloorDiv(hour, kHoursPerDay)); }
constexpr int32_t HourOfMinute(int32_t minute) {
  return static_cast<int32_t>(FloorDiv(minute, kMinutesPerHour));
}

// Unsigned numbers that sort as hours do, and back.
constexpr uint32_t HourBits(int32_t hour) { return static_cast<uint32_t>(hour) ^ 0x8000'0000U; }
constexpr int32_t HourOfBits(uint32_t bits) { return static_cast<int32_t>(bits ^ 0x8000'0000U); }

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_TIME_UNITS_H_
