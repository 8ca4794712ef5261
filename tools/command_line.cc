#include "tools/command_line.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "format/time_text.h"
#include "format/time_units.h"

namespace tallymark {

int Fail(const Status& status) {
  std::string message = status.message();
  std::replace(message.begin(), message.end(), '\n', ' ');
  std::fprintf(stderr, "tally: %s\n", message.c_str());
  return 1;
}

int64_t SystemNowNs() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

Result<int64_t> TimeOption(const std::string& option, const std::string& text) {
  auto time = ParseQueryTime(text, SystemNowNs());
  if (time) return *time;
  return Status::Invalid(option + ": \"" + text +
                         "\" is not a time (2021-01-01T00:00:00Z, epoch milliseconds, now, now-15m)");
}

Result<int64_t> DurationOption(const std::string& option, const std::string& text, int64_t least_ns) {
  auto duration = ParseDuration(text);
  if (duration && *duration >= least_ns) return *duration;
  return Status::Invalid(option + ": \"" + text +
                         "\" is not a span of time that can be used here (90s, 15m, 24h, 7d)");
}

Result<int64_t> UnitOption(const std::string& option, const std::string& text) {
  if (text == "ns" || text == "n") return 1;
  if (text == "us" || text == "u") return 1000;
  if (text == "ms") return kNsPerMs;
  if (text == "s") return kNsPerSecond;
  if (text == "m") return kNsPerMinute;
  if (text == "h") return kNsPerHour;
  return Status::Invalid(option + ": \"" + text + "\" is not a unit of time (ns, us, ms, s, m, h)");
}

}  // namespace tallymark
