// Engine::Metrics: sums and distinct people, of one ad or of many.

#include <algorithm>

#include "engine/engine_impl.h"

namespace tallymark {
namespace {

constexpr size_t kPointsMax = 11'000;

Status CheckSteps(MinuteRange range, int32_t step_minutes) {
  if (range.begin >= range.end) return Status::Invalid("the range is empty");
  if (step_minutes <= 0) return Status::Invalid("step must be positive");
  const int64_t minutes = int64_t{range.end} - range.begin;
  if (minutes % step_minutes != 0) return Status::Invalid("the range is not whole steps");
  if (minutes / step_minutes > static_cast<int64_t>(kPointsMax))
    return Status::Invalid("more than " + std::to_string(kPointsMax) + " points; take a larger step");
  return Status::Ok();
}

// Ascending, each once; names that are no ad are left out.
std::vector<uint32_t> NumbersOf(const AdTable& table, std::span<const std::string> ad_ids) {
  std::vector<uint32_t> numbers;
  numbers.reserve(ad_ids.size());
  for (const std::string& id : ad_ids) {
    if (std::optional<uint32_t> number = table.Find(id)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

Status AddSums(const CounterView& counters, std::span<const uint32_t> ads, MinuteRange range,
               int32_t step_minutes, std::vector<MetricPoint>* points) {
  const bool hourly = range.begin % kMinutesPerHour == 0 && step_minutes % kMinutesPerHour == 0;
  const int unit = hourly ? kMinutesPerHour : 1;
  const auto units_per_point = static_cast<size_t>(step_minutes / unit);
  std::vector<MetricSums> units;
  for (uint32_t ad : ads) {
    Status read = counters.Buckets(ad, 0, range, unit, &units);
    if (!read.ok()) return read;
    for (size_t i = 0; i < units.size(); ++i) (*points)[i / units_per_point].sums.Add(units[i]);
  }
  return Status::Ok();
}

Status AddPeople(const DistinctView& distinct, std::span<const uint32_t> ads, MinuteRange range,
                 int32_t step_minutes, std::vector<MetricPoint>* points) {
  const HourRange hours{range.begin / kMinutesPerHour, range.end / kMinutesPerHour};
  std::vector<DistinctPoint> people;
  Status read = distinct.Points(ads, hours, step_minutes / kMinutesPerHour, &people);
  if (!read.ok()) return read;
  for (size_t i = 0; i < people.size(); ++i) {
    if (!people[i].complete) continue;
    (*points)[i].users = people[i].users;
    (*points)[i].ips = people[i].ips;
  }
  return Status::Ok();
}

}  // namespace

// People are read before the sums: what is added in between can only make more events than people.
Result<MetricSeries> EngineImpl::Metrics(std::span<const std::string> ad_ids, MinuteRange range,
                                         int32_t step_minutes) const {
  Status status = CheckSteps(range, step_minutes);
  if (!status.ok()) return status;
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  const CounterView& counters = (*core)->counters();
  const DistinctView& distinct = (*core)->distinct();
  status = counters.CheckSteps(range, step_minutes, step_minutes);
  if (!status.ok()) return status;
  MetricSeries series;
  series.points.resize(static_cast<size_t>((range.end - range.begin) / step_minutes));
  if (distinct.enabled()) {
    const int32_t from = distinct.complete_from();
    series.distinct_from_ms = from == INT32_MIN ? INT64_MIN : from * kMsPerHour;
  }
  const std::vector<uint32_t> ads = NumbersOf((*core)->ads(), ad_ids);
  const bool hourly = range.begin % kMinutesPerHour == 0 && step_minutes % kMinutesPerHour == 0;
  if (distinct.enabled() && hourly) status = AddPeople(distinct, ads, range, step_minutes, &series.points);
  if (status.ok()) status = AddSums(counters, ads, range, step_minutes, &series.points);
  if (!status.ok()) return status;
  return series;
}

}  // namespace tallymark
