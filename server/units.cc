#include "server/units.h"

#include <array>
#include <charconv>

#include "format/time_text.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor = 1;
};

constexpr std::array<Unit, 5> kDurationUnits = {
    {{"d", kMsPerDay}, {"h", kMsPerHour}, {"m", kMsPerMinute}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 11> kByteUnits = {{{"", 1},
                                              {"B", 1},
                                              {"KiB", 1LL << 10},
                                              {"MiB", 1LL << 20},
                                              {"GiB", 1LL << 30},
                                              {"TiB", 1LL << 40},
                                              {"KB", 1'000},
                                              {"kB", 1'000},
                                              {"MB", 1'000'000},
                                              {"GB", 1'000'000'000},
                                              {"TB", 1'000'000'000'000}}};

}  // namespace

Result<int64_t> ParseDurationMs(std::string_view text) {
  if (text == "0") return int64_t{0};
  if (std::optional<int64_t> ns = ParseDuration(text)) return *ns / kNsPerMs;
  return Status::Invalid(std::string(text).append(
      ": not a duration; a whole number with ms, s, m, h or d is expected, such as 15m"));
}

Result<uint64_t> ParseBytes(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
  for (const Unit& unit : kByteUnits) {
    uint64_t bytes = 0;
    if (error != std::errc() || unit.name != suffix) continue;
    if (!__builtin_mul_overflow(value, static_cast<uint64_t>(unit.factor), &bytes)) return bytes;
  }
  return Status::Invalid(std::string(text).append(
      ": not a size; a whole number with B, KiB, MiB, GiB or TiB is expected, such as 4GiB"));
}

std::string FormatDurationMs(int64_t milliseconds) {
  if (milliseconds == 0) return "0s";
  for (const Unit& unit : kDurationUnits) {
    if (milliseconds % unit.factor == 0) {
      return std::to_string(milliseconds / unit.factor).append(unit.name);
    }
  }
  return std::to_string(milliseconds) + "ms";
}

}  // namespace tallymark
