#ifndef TALLYMARK_SERVER_UNITS_H_
#define TALLYMARK_SERVER_UNITS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "format/status.h"

namespace tallymark {

// Durations and sizes as people write them. Pure functions; kInvalid with what was expected.

// "500ms", "30s", "15m", "24h", "90d" to milliseconds; a bare "0" is zero. Never negative.
Result<int64_t> ParseDurationMs(std::string_view text);

// "4GiB", "512MiB", "64KiB", "4GB" (powers of ten), "1048576" to bytes.
Result<uint64_t> ParseBytes(std::string_view text);

// The largest unit that divides it: 900000 -> "15m", 0 -> "0s".
std::string FormatDurationMs(int64_t milliseconds);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_UNITS_H_
