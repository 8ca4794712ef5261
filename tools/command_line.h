#ifndef TALLYMARK_TOOLS_COMMAND_LINE_H_
#define TALLYMARK_TOOLS_COMMAND_LINE_H_

#include <cstdint>
#include <string>

#include "format/status.h"

namespace tallymark {

// Small things every command needs.

// Prints "tally: message" as one line on stderr and gives the exit code of a failure, 1.
int Fail(const Status& status);

// "2021-01-01T00:00:00Z", epoch milliseconds, "now", "now-15m". kInvalid names the option.
Result<int64_t> TimeOption(const std::string& option, const std::string& text);
// "15m"; at least `least` nanoseconds.
Result<int64_t> DurationOption(const std::string& option, const std::string& text, int64_t least_ns);
// Nanoseconds of a unit: ns, n, us, u, ms, s, m, h. kInvalid names the option.
Result<int64_t> UnitOption(const std::string& option, const std::string& text);

int64_t SystemNowNs();

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_COMMAND_LINE_H_
