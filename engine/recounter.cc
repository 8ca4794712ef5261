#include "engine/recounter.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "engine/histogram.h"
#include "format/decimal.h"
#include "format/time_text.h"

namespace tallymark {
namespace {

// Rows that are compared at a time: some hundred bytes each.
constexpr uint32_t kRowsMax = 2'000'000;
// Work goes on for this long between two sleeps, and a sleep is cut into pieces, so that who asks it
// to stop does not wait.
constexpr double kBusySeconds = 0.02;
constexpr auto kSleepPiece = std::chrono::milliseconds(100);

void Add(const ReconcileReport& part, ReconcileReport* report) {
  report->mismatch_count += part.mismatch_count;
  for (const ReconcileMismatch& m : part.mismatches) {
    if (report->mismatches.size() < ReconcileReport::kListedMax) report->mismatches.push_back(m);
  }
}

// Where comparing begins: behind what retention took.
Status CutToRaw(const CountedMoment& moment, HourRange* range, std::optional<int64_t>* complete_from_ms) {
  const int32_t from = moment.ComparableFrom();
  if (range->begin >= from) return Status::Ok();
  if (range->end <= from) {
    const bool raw = moment.raw_from >= moment.hours_from;
    return Status::Gone(std::string(raw ? "raw records" : "counters") + " of the whole range have expired; " +
                        "there are some from " + FormatRfc3339(from * kNsPerHour) + " on");
  }
  *complete_from_ms = from * kMsPerHour;
  range->begin = from;
  return Status::Ok();
}

}  // namespace

Status Recounter::Stopped() const {
  const bool stop = control_.should_stop && control_.should_stop();
  return stop ? Status::Unavailable("the recount was asked to stop") : Status::Ok();
}

// After some work as much sleep as leaves the share of time.
Status Recounter::Pause() {
  const double now = SteadySeconds();
  if (now - busy_since_ < kBusySeconds) return Status::Ok();
  Status stopped = Stopped();
  if (control_.time_share < 1) {
    const double until = now + (now - busy_since_) * (1 / control_.time_share - 1);
    while (stopped.ok() && SteadySeconds() < until) {
      const std::chrono::duration<double> left(until - SteadySeconds());
      std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(left, kSleepPiece));
      stopped = Stopped();
    }
  }
  busy_since_ = SteadySeconds();
  return stopped;
}

void Recounter::Progress(int32_t hour, HourRange range) const {
  if (!control_.progress) return;
  const auto done = static_cast<double>(int64_t{hour} - range.begin);
  control_.progress(std::clamp(done / static_cast<double>(int64_t{range.end} - range.begin), 0.0, 1.0));
}

CountedMoment Recounter::TakeMoment() {
  busy_since_ = SteadySeconds();
  CountedMoment moment = core_->TakeMoment();
  moment.pause = [this] { return Pause(); };
  return moment;
}

// Taken before the moment: what is whole now has its rows there. They hold the log up to active_from,
// which a checkpoint must have reached: else the moment would compare them with less of raw.
Result<Recounter::Counted> Recounter::FiltersToCount() const {
  Counted counted;
  counted.whole = core_->filters().ListWhole();
  uint64_t newest = 0;
  for (const FilterRegistry::Whole& w : counted.whole) newest = std::max(newest, w.version.active_from);
  if (newest > core_->counters().covered_sequence()) {
    Status covered = core_->Checkpoint(false);
    if (!covered.ok()) return covered;
  }
  std::ranges::sort(counted.whole, {}, [](const FilterRegistry::Whole& w) { return w.version.number; });
  counted.numbers.push_back(DeltaSet::kEverything);
  std::vector<FilterSet::Member> members;
  for (const FilterRegistry::Whole& w : counted.whole) {
    counted.numbers.push_back(w.version.number);
    members.push_back({w.version.number, w.version.active_from, w.version.definition});
  }
  counted.set = std::make_shared<const FilterSet>(std::move(members));
  return counted;
}

uint32_t Recounter::Counted::IdOf(uint32_t number) const {
  for (const FilterRegistry::Whole& w : whole) {
    if (w.version.number == number) return w.id;
  }
  return 0;
}

void Recounter::Note(const CountMismatch& mismatch, const Counted& filters, ReconcileReport* report) const {
  if (++report->mismatch_count > ReconcileReport::kListedMax) return;
  ReconcileMismatch m;
  if (mismatch.ad < core_->ads().size()) m.ad_id = core_->ads().Name(mismatch.ad);
  m.is_hour = mismatch.minute == CountMismatch::kWholeHour;
  m.bucket_ms = mismatch.hour * kMsPerHour + (m.is_hour ? 0 : mismatch.minute * kMsPerMinute);
  m.filter_id = filters.IdOf(mismatch.filter);
  m.metric = mismatch.metric;
  m.in_top_lists = mismatch.in_lists;
  m.readable = mismatch.readable;
  m.counted = mismatch.counted;
  m.raw = mismatch.raw;
  report->mismatches.push_back(std::move(m));
}

Status Recounter::ReconcileSome(HourRange range, int32_t* done_to, ReconcileReport* report) {
  const Result<Counted> found = FiltersToCount();
  if (!found.ok()) return found.status();
  const Counted& filters = *found;
  CountedMoment moment = TakeMoment();
  Status status = CutToRaw(moment, &range, &report->complete_from_ms);
  if (!status.ok()) return status;
  DeltaPools pools;
  DeltaSet counts(&pools);
  Result<int32_t> end = HourCounter(&core_->ads(), filters.set).CountHours(&moment, range, kRowsMax, &counts);
  if (!end.ok()) return end.status();
  *done_to = *end;
  std::map<uint32_t, ReconcileReport> by_number;
  CountComparison comparison(&moment, filters.numbers, {range.begin, *end}, counts,
                             [&](const CountMismatch& m) { Note(m, filters, &by_number[m.filter]); });
  status = comparison.CompareRows(&report->rows_checked);
  if (status.ok()) status = comparison.CompareLists();
  for (const auto& [number, part] : by_number) {
    // Rows of a version that was replaced or deleted may have gone already.
    const uint32_t id = filters.IdOf(number);
    if (number == DeltaSet::kEverything || core_->filters().IsCurrent(id, number)) Add(part, report);
  }
  return status;
}

// One line each, as far as they are worth reading; the report lists more.
void Recounter::Log(const ReconcileReport& report) {
  constexpr size_t kLinesMax = 20;
  if (report.mismatch_count == 0) return;
  spdlog::error("{} amounts differ from a recount of raw in {} rows", report.mismatch_count,
                report.rows_checked);
  for (size_t i = 0; i < std::min(kLinesMax, report.mismatches.size()); ++i) {
    const ReconcileMismatch& m = report.mismatches[i];
    spdlog::error("ad {}, filter {}, {} {} ms, {} in {}: {}, raw says {}", m.ad_id, m.filter_id,
                  m.is_hour ? "hour" : "minute", m.bucket_ms, MetricName(m.metric),
                  m.in_top_lists ? "top lists" : "counter rows",
                  m.readable ? WideText(m.counted) : "unreadable", WideText(m.raw));
  }
}

Status Recounter::Reconcile(HourRange range, ReconcileReport* report) {
  Status status = ReconcileAll(range, report);
  core_->recounts().rows_checked.fetch_add(report->rows_checked);
  core_->recounts().mismatches.fetch_add(report->mismatch_count);
  Log(*report);
  return status;
}

Status Recounter::ReconcileAll(HourRange range, ReconcileReport* report) {
  int32_t hour = range.begin;
  while (hour < range.end) {
    Status status = ReconcileSome({hour, range.end}, &hour, report);
    // What expired meanwhile is left out.
    if (status.code() == Code::kGone && hour != range.begin) break;
    if (!status.ok()) return status;
    Progress(hour, range);
  }
  return Status::Ok();
}

Status Recounter::HoursToReplace(HourRange range, std::vector<int32_t>* hours) {
  const Result<Counted> filters = FiltersToCount();
  if (!filters.ok()) return filters.status();
  CountedMoment moment = TakeMoment();
  Status status = HoursWithLists(&moment, filters->numbers, range, &listed_hours_);
  std::set<int32_t> found = listed_hours_;
  if (status.ok()) status = HoursWithRows(&moment, filters->numbers, range, &found);
  for (int32_t hour = range.begin; status.ok() && hour < range.end; ++hour) {
    Result<std::optional<int32_t>> next = NextHourOfRaw(&moment.raw, hour);
    if (!next.ok()) return next.status();
    if (!next->has_value() || **next >= range.end) break;
    hour = **next;
    found.insert(hour);
  }
  hours->assign(found.begin(), found.end());
  return status;
}

// Most of the hour is counted while checkpoints go on, from one moment; what they have covered since
// is added when they are held up for the replacement. Nothing is repacked in between, so the log
// still has it block by block.
Status Recounter::RecomputeHour(int32_t hour, RecomputeReport* report) {
  Core::RawPin pin = core_->PinRaw();
  const Result<Counted> found = FiltersToCount();
  if (!found.ok()) return found.status();
  const Counted& filters = *found;
  CountedMoment moment = TakeMoment();
  if (hour < moment.ComparableFrom()) {
    report->complete_from_ms = moment.ComparableFrom() * kMsPerHour;
    return Status::Ok();
  }
  DeltaPools pools;
  DeltaSet counts(&pools);
  HourCounter counter(&core_->ads(), filters.set);
  Status status = counter.CountHour(&moment.raw, hour, {0, moment.covered_sequence}, moment.pause, &counts);
  if (!status.ok()) return status;
  CounterView::HourReplacement replacement;
  replacement.hour = hour;
  replacement.filters = filters.numbers;
  replacement.counts = &counts;
  replacement.minutes = !moment.MinutesAreGone(hour);
  CountComparison comparison(&moment, filters.numbers, {hour, hour + 1}, counts, nullptr);
  status = comparison.ForEachStrayRow(
      [&](const CounterKey& key) { replacement.strays.emplace_back(key.ad, key.filter); });
  if (!status.ok()) return status;
  // Blocks that span hours do not say which: here was none.
  if (counts.empty() && replacement.strays.empty() && !listed_hours_.contains(hour)) return Status::Ok();
  status = core_->ReplaceHour([&](uint64_t covered) -> Result<CounterView::HourReplacement> {
    const PositionRange since{moment.covered_sequence, covered};
    if (since.after == since.last) return replacement;
    RawIterators raw = RawIterators::Open(core_->storage());
    Status counted = counter.CountHour(&raw, hour, since, nullptr, &counts);
    if (!counted.ok()) return counted;
    return replacement;
  });
  if (!status.ok()) return status;
  ++report->hours;
  core_->recounts().recomputed_hours.fetch_add(1);
  report->rows_written += counts.rows();
  report->rows_removed += replacement.strays.size();
  return Status::Ok();
}

Status Recounter::Recompute(HourRange range, RecomputeReport* report) {
  const HourRange asked = range;
  // What is not checkpointed yet has no rows that could be replaced.
  Status covered = core_->Checkpoint(false);
  if (!covered.ok()) return covered;
  {
    CountedMoment moment = core_->TakeMoment();
    Status status = CutToRaw(moment, &range, &report->complete_from_ms);
    if (!status.ok()) return status;
  }
  std::vector<int32_t> hours;
  Status status = HoursToReplace(range, &hours);
  for (size_t i = 0; i < hours.size() && status.ok(); ++i) {
    status = RecomputeHour(hours[i], report);
    if (status.ok()) status = Stopped();
    if (status.ok() && control_.hour_is_done)
      status = control_.hour_is_done((hours[i] + 1) * kMsPerHour, *report);
    Progress(hours[i] + 1, asked);
  }
  return status;
}

}  // namespace tallymark
