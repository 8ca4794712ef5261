#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "format/time_units.h"
#include "server/query_args.h"
#include "server/request_target.h"
#include "server/units.h"

namespace {

using namespace tallymark;

void Require(bool holds) {
  if (!holds) std::abort();
}

constexpr int64_t kNowNs = 1'609'459'290 * kNsPerSecond;

// Whatever a target holds, what is accepted keeps its promises.
void CheckArgs(const RequestTarget& target) {
  QueryParams params(target.params);
  if (auto args = ReadCountArgs(params, kNowNs); args.ok()) {
    Require(args->range.begin < args->range.end);
  }
  if (auto args = ReadTopArgs(params, kNowNs); args.ok()) {
    int32_t window = args->range.end - args->range.begin;
    Require(window >= 1 && window <= kMaxTopWindowMinutes);
    Require(args->count >= 1 && args->count <= kMaxTopCount);
  }
  if (auto args = ReadSeriesArgs(params, kNowNs); args.ok()) {
    int32_t length = args->range.end - args->range.begin;
    Require(length > 0 && length % args->step_minutes == 0);
    Require(length / args->step_minutes <= kMaxSeriesPoints);
    Require(args->range.begin % args->step_minutes == 0);
    Require(args->window_minutes == 0 || args->window_minutes >= args->step_minutes);
    Require(!args->metrics.empty() && args->metrics.size() <= static_cast<size_t>(kMetricCount));
  }
  if (auto args = ReadEventsArgs(params, kNowNs); args.ok()) {
    Require(args->from_ns < args->to_ns && args->limit >= 1 && args->limit <= kMaxEventsPage);
  }
  for (bool version_one : {true, false}) {
    if (auto unit = ReadPrecision(params, version_one); unit.ok()) Require(*unit >= 1);
  }
}

}  // namespace

// The input is read as a request target, and as a quantity in the form of the options.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  RequestTarget target;
  if (ParseRequestTarget(text, &target).ok()) {
    Require(!target.segments.empty() && target.segments.size() <= kMaxPathSegments);
    Require(target.params.size() <= kMaxQueryParams);
    for (const std::string& segment : target.segments) {
      if (CheckAdId(segment).ok()) Require(!segment.empty());
    }
    CheckArgs(target);
  }
  if (auto duration = ParseDurationMs(text); duration.ok()) {
    Require(*duration >= 0);
    Require(*ParseDurationMs(FormatDurationMs(*duration)) == *duration);
  }
  if (auto bytes = ParseBytes(text); bytes.ok()) Require(text.front() >= '0' && text.front() <= '9');
  return 0;
}
