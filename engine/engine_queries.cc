// The queries of EngineImpl.

#include <algorithm>

#include "engine/engine_impl.h"
#include "format/time_text.h"

namespace tallymark {
namespace {

constexpr size_t kSeriesBucketsMax = 11'000;
constexpr size_t kTopCountMax = 10'000;
constexpr size_t kEventsPageMax = 10'000;
constexpr size_t kSessionsPageMax = 10'000;
constexpr int64_t kSessionGapMaxNs = 7 * kNsPerDay;

// Runs `read` with the number a filter's counters stand under. When the filter was redefined
// meanwhile they may have gone in the midst of the reading, which is then done anew. kGone: raw
// records of the first hour had expired when the filter was defined, so nobody knows its counts.
template <class Read>
Status ReadFilter(const FilterRegistry& filters, uint32_t filter, MinuteRange range, Read&& read) {
  for (;;) {
    Result<FilterRegistry::Reading> before = filters.Find(filter);
    if (!before.ok()) return before.status();
    if (HourOfMinute(range.begin) < before->complete_from_hour) {
      return Status::Gone("filter " + std::to_string(filter) + " was defined when raw records before " +
                          FormatRfc3339(before->complete_from_hour * kNsPerHour) +
                          " had expired; its counts begin there");
    }
    Status status = read(before->number);
    Result<FilterRegistry::Reading> after = filters.Find(filter);
    if (!after.ok()) return after.status();
    if (after->number == before->number) return status;
  }
}

Status CheckRange(MinuteRange range) {
  return range.begin < range.end ? Status::Ok() : Status::Invalid("the range is empty");
}

// The ads with the greatest amounts, in a heap of bounded size whose worst entry is on top.
class TopHeap {
 public:
  TopHeap(const AdTable& ads, size_t count) : ads_(ads), count_(count) {}

  // The smallest amount that may still get in.
  int64_t least() const { return heap_.size() == count_ ? heap_.front().amount : 1; }

  // Precondition: amount >= least().
  void Offer(uint32_t ad, int64_t amount) {
    if (heap_.size() == count_) {
      if (!Better({ad, amount}, heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end(), better_);
      heap_.pop_back();
    }
    heap_.push_back({ad, amount});
    std::push_heap(heap_.begin(), heap_.end(), better_);
  }

  TopList Take() {
    std::sort(heap_.begin(), heap_.end(), better_);
    TopList list;
    for (const Entry& e : heap_) {
      list.ad_ids.emplace_back(ads_.Name(e.ad));
      list.amounts.push_back(e.amount);
    }
    return list;
  }

 private:
  struct Entry {
    uint32_t ad;
    int64_t amount;
  };
  bool Better(const Entry& a, const Entry& b) const {
    return a.amount != b.amount ? a.amount > b.amount : ads_.Name(a.ad) < ads_.Name(b.ad);
  }

  const AdTable& ads_;
  const size_t count_;
  std::vector<Entry> heap_;
  std::function<bool(const Entry&, const Entry&)> better_ = [this](const Entry& a, const Entry& b) {
    return Better(a, b);
  };
};

// Nearly every ad falls short, at random: a branch for each would be guessed wrong millions of times,
// so ads are first looked at by the greatest of many.
template <class Amount>
void OfferAll(std::span<const Amount> totals, TopHeap* heap) {
  constexpr size_t kTogether = 64;
  for (size_t begin = 0; begin < totals.size(); begin += kTogether) {
    const auto together = totals.subspan(begin, std::min(kTogether, totals.size() - begin));
    Amount greatest = 0;
    for (const Amount amount : together) greatest = std::max(greatest, amount);
    if (greatest < heap->least()) continue;
    for (size_t i = 0; i < together.size(); ++i) {
      if (together[i] >= heap->least()) heap->Offer(static_cast<uint32_t>(begin + i), together[i]);
    }
  }
}

}  // namespace

Result<MetricSums> EngineImpl::Totals(std::string_view ad_id, uint32_t filter, MinuteRange range) const {
  Status status = CheckRange(range);
  if (!status.ok()) return status;
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  const CounterView& counters = (*core)->counters();
  status = counters.CheckRange(range);
  if (!status.ok()) return status;
  MetricSums sums;
  std::optional<uint32_t> ad = (*core)->ads().Find(ad_id);
  status = ReadFilter((*core)->filters(), filter, range, [&](uint32_t number) {
    sums = MetricSums();
    return ad ? counters.Sum(*ad, number, range, &sums) : Status::Ok();
  });
  if (status.ok()) status = counters.CheckRange(range);  // what expired meanwhile was not counted
  if (!status.ok()) return status;
  return sums;
}

Result<std::vector<MetricSums>> EngineImpl::Series(std::string_view ad_id, uint32_t filter, MinuteRange range,
                                                   int32_t step_minutes, int32_t window_minutes) const {
  const int32_t window = window_minutes == 0 ? step_minutes : window_minutes;
  Status status = CheckRange(range);
  if (!status.ok()) return status;
  if (step_minutes <= 0 || window < step_minutes)
    return Status::Invalid("window must be at least step, step positive");
  const auto steps = static_cast<size_t>((int64_t{range.end} - range.begin) / step_minutes);
  if ((int64_t{range.end} - range.begin) % step_minutes != 0)
    return Status::Invalid("the range is not whole steps");
  if (steps > kSeriesBucketsMax) {
    return Status::Invalid("more than " + std::to_string(kSeriesBucketsMax) + " points; take a larger step");
  }
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  // Point t covers [t + step - window, t + step): what must be read begins before the first point.
  const MinuteRange read{range.begin + step_minutes - window, range.end};
  const CounterView& counters = (*core)->counters();
  status = counters.CheckSteps(read, step_minutes, window);
  if (!status.ok()) return status;
  std::vector<MetricSums> points(steps);
  std::optional<uint32_t> ad = (*core)->ads().Find(ad_id);
  const bool hourly = read.begin % kMinutesPerHour == 0 && step_minutes % kMinutesPerHour == 0 &&
                      window % kMinutesPerHour == 0;
  const int unit = hourly ? kMinutesPerHour : 1;
  std::vector<MetricSums> units;
  status = ReadFilter((*core)->filters(), filter, read, [&](uint32_t number) {
    return ad ? counters.Buckets(*ad, number, read, unit, &units) : Status::Ok();
  });
  if (status.ok()) status = counters.CheckSteps(read, step_minutes, window);
  if (!status.ok()) return status;
  if (!ad) return points;
  // A sliding sum: what enters with a point's last step, less what left with the point before.
  MetricSums sum;
  const auto step_units = static_cast<size_t>(step_minutes / unit);
  const auto window_units = static_cast<size_t>(window / unit);
  size_t added = 0;
  size_t removed = 0;
  for (size_t i = 0; i < steps; ++i) {
    for (; added < i * step_units + window_units; ++added) sum.Add(units[added]);
    for (; removed < i * step_units; ++removed) {
      for (size_t m = 0; m < sum.value.size(); ++m) sum.value[m] -= units[removed].value[m];
    }
    points[i] = sum;
  }
  return points;
}

Result<TopList> EngineImpl::PopularAds(uint32_t filter, Metric metric, MinuteRange range,
                                       size_t count) const {
  Status status = CheckRange(range);
  if (status.ok() && (count == 0 || count > kTopCountMax)) {
    status = Status::Invalid("count lies between 1 and " + std::to_string(kTopCountMax));
  }
  if (!status.ok()) return status;
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  const CounterView& counters = (*core)->counters();
  status = counters.CheckRange(range);
  if (!status.ok()) return status;
  TopHeap heap((*core)->ads(), count);
  auto from_window = [&](std::span<const uint32_t> totals) {
    OfferAll(totals.first(std::min<size_t>(totals.size(), (*core)->ads().size())), &heap);
  };
  if (filter == 0 && metric == Metric::kClicks && counters.TopFromWindow(range, from_window))
    return heap.Take();
  AdAmounts totals;
  status = ReadFilter((*core)->filters(), filter, range, [&](uint32_t number) {
    return counters.Totals(number, metric, range, (*core)->ads(), &totals);
  });
  if (status.ok()) status = counters.CheckRange(range);
  if (!status.ok()) return status;
  if (std::find(totals.begin(), totals.end(), INT64_MAX) != totals.end()) {
    return Status::Exhausted("an amount of the list overflows 64 bits");
  }
  OfferAll(std::span<const int64_t>(totals), &heap);
  return heap.Take();
}

// Retention may pass the hours that are being read: what was read is an answer only when it has not.
Status EngineImpl::CheckRawIsKept(const Core& core, int64_t from_ns) {
  if (HourOf(from_ns) >= core.retention().raw.load()) return Status::Ok();
  return Status::Gone("raw records of that time have expired; counts are there by the hour");
}

Result<EventPage> EngineImpl::Events(std::string_view ad_id, int64_t from_ns, int64_t to_ns, size_t limit,
                                     std::string_view cursor) const {
  if (from_ns >= to_ns) return Status::Invalid("the range is empty");
  if (limit == 0 || limit > kEventsPageMax) {
    return Status::Invalid("limit lies between 1 and " + std::to_string(kEventsPageMax));
  }
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  Status kept = CheckRawIsKept(**core, from_ns);
  if (!kept.ok()) return kept;
  std::optional<uint32_t> ad = (*core)->ads().Find(ad_id);
  EventPage page;
  page.scanned_to_ns = to_ns;
  if (!ad) return page;
  Result<EventPage> read = (*core)->events().Page(*ad, from_ns, to_ns, limit, cursor);
  kept = CheckRawIsKept(**core, from_ns);
  if (!kept.ok()) return kept;
  return read;
}

Result<SessionPage> EngineImpl::Sessions(std::string_view ad_id, const SessionQuery& query) const {
  if (query.from_ns >= query.to_ns) return Status::Invalid("the range is empty");
  if (query.gap_ns < kNsPerMs || query.gap_ns > kSessionGapMaxNs)
    return Status::Invalid("gap lies between 1 ms and 7 days");
  if (query.by.empty()) return Status::Invalid("by names no attribute");
  if (query.limit == 0 || query.limit > kSessionsPageMax) {
    return Status::Invalid("limit lies between 1 and " + std::to_string(kSessionsPageMax));
  }
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  Result<int64_t> first_ns = SessionReader::FirstNeededNs(query);
  if (!first_ns.ok()) return first_ns.status();
  Status kept = CheckRawIsKept(**core, *first_ns);
  if (!kept.ok()) return kept;
  std::optional<uint32_t> ad = (*core)->ads().Find(ad_id);
  if (!ad) return SessionPage();
  Result<SessionPage> page = (*core)->sessions().Page(*ad, query);
  kept = CheckRawIsKept(**core, *first_ns);
  if (!kept.ok()) return kept;
  return page;
}

}  // namespace tallymark
