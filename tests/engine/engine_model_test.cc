// The engine against a model of a few dozen lines: random appends, resends, late and scattered
// events, checkpoints, repacking, compaction, retention and reopening, thousands of steps; after
// each stretch every count, list and record is compared.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <tuple>

#include "tests/engine/test_events.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'700'000'000LL * kNsPerSecond / kNsPerDay * kNsPerDay;

struct ModelEvent {
  EventKind kind;
  std::string ad, id, user;
  int64_t time_ns;
  int64_t revenue;

  std::string Line() const {
    std::string line = std::string(EventKindName(kind)) + ",ad_id=" + ad;
    if (!user.empty()) line += ",user_id=" + user;
    line += id.empty() ? " x=1i" : " event_id=\"" + id + "\"";
    if (kind == EventKind::kConversion) line += ",revenue=" + std::to_string(revenue) + "i";
    return line + " " + std::to_string(time_ns) + "\n";
  }
};

class Model {
 public:
  // True when the event is new.
  bool Add(const ModelEvent& e) {
    auto key = std::tuple(e.kind, e.id, e.id.empty() ? e.Line() : std::string());
    for (int64_t t : times_[key]) {
      if (std::llabs(t - e.time_ns) <= kNsPerDay) return false;
    }
    times_[key].push_back(e.time_ns);
    auto& cell = cells_[e.ad][MinuteOf(e.time_ns)];
    const auto metric = e.kind == EventKind::kImpression ? Metric::kImpressions
                        : e.kind == EventKind::kClick    ? Metric::kClicks
                                                         : Metric::kConversions;
    cell[metric] += 1;
    if (e.kind == EventKind::kConversion) cell[Metric::kRevenue] += e.revenue * 1'000'000;
    if (!e.user.empty()) users_[e.ad][HourOf(e.time_ns)].insert(e.user);
    ++events_[e.ad];
    accepted_.push_back(e);
    return true;
  }
  MetricSums Sum(const std::string& ad, int32_t begin, int32_t end) const {
    MetricSums sums;
    auto found = cells_.find(ad);
    if (found == cells_.end()) return sums;
    for (auto it = found->second.lower_bound(begin); it != found->second.end() && it->first < end; ++it) {
      sums.Add(it->second);
    }
    return sums;
  }
  // By ad, of the events that `matches` takes.
  std::map<std::string, MetricSums> Filtered(int32_t begin, int32_t end,
                                             const std::function<bool(const ModelEvent&)>& matches) const {
    std::map<std::string, MetricSums> sums;
    for (const ModelEvent& e : accepted_) {
      if (MinuteOf(e.time_ns) < begin || MinuteOf(e.time_ns) >= end || !matches(e)) continue;
      MetricSums& of_ad = sums[e.ad];
      if (e.kind == EventKind::kImpression) of_ad[Metric::kImpressions] += 1;
      if (e.kind == EventKind::kClick) of_ad[Metric::kClicks] += 1;
      if (e.kind == EventKind::kConversion) of_ad[Metric::kConversions] += 1;
      if (e.kind == EventKind::kConversion) of_ad[Metric::kRevenue] += e.revenue * 1'000'000;
    }
    return sums;
  }
  int64_t Users(const std::vector<std::string>& ads, int32_t begin_hour, int32_t end_hour) const {
    std::set<std::string> users;
    for (const std::string& ad : ads) {
      auto found = users_.find(ad);
      if (found == users_.end()) continue;
      for (auto it = found->second.lower_bound(begin_hour); it != found->second.end() && it->first < end_hour;
           ++it)
        users.insert(it->second.begin(), it->second.end());
    }
    return static_cast<int64_t>(users.size());
  }
  std::vector<std::pair<int64_t, std::string>> Top(int32_t begin, int32_t end, Metric metric) const {
    std::vector<std::pair<int64_t, std::string>> list;
    for (const auto& [ad, cells] : cells_) {
      auto amount = static_cast<int64_t>(Sum(ad, begin, end)[metric]);
      if (amount > 0) list.emplace_back(-amount, ad);
    }
    std::sort(list.begin(), list.end());
    return list;
  }
  std::vector<std::string> Ads() const {
    std::vector<std::string> ads;
    for (const auto& [ad, cells] : cells_) ads.push_back(ad);
    return ads;
  }
  uint64_t Events(const std::string& ad) const { return events_.count(ad) != 0 ? events_.at(ad) : 0; }

 private:
  std::map<std::tuple<EventKind, std::string, std::string>, std::vector<int64_t>> times_;
  std::map<std::string, std::map<int32_t, MetricSums>> cells_;
  std::map<std::string, std::map<int32_t, std::set<std::string>>> users_;
  std::map<std::string, uint64_t> events_;
  std::vector<ModelEvent> accepted_;
};

// A filter and its plain meaning.
struct ModelFilter {
  FilterDefinition definition;
  std::function<bool(const ModelEvent&)> matches;
};

std::vector<ModelFilter> ModelFilters() {
  std::vector<ModelFilter> filters;
  auto add = [&](const std::vector<std::pair<std::string, std::vector<std::string>>>& patterns,
                 std::function<bool(const ModelEvent&)> matches) {
    ModelFilter& filter = filters.emplace_back();
    filter.matches = std::move(matches);
    for (const auto& [attribute, texts] : patterns) {
      Status added = AddPattern(attribute, texts, texts.size() > 1, &filter.definition);
      EXPECT_TRUE(added.ok()) << added.message();
    }
  };
  add({}, [](const ModelEvent&) { return true; });
  add({{"user_id", {"u7"}}}, [](const ModelEvent& e) { return e.user == "u7"; });
  add({{"kind", {"click"}}, {"user_id", {"!u3"}}},
      [](const ModelEvent& e) { return e.kind == EventKind::kClick && !e.user.empty() && e.user != "u3"; });
  add({{"ad_id", {"ad1*"}}}, [](const ModelEvent& e) { return e.ad.starts_with("ad1"); });
  add({{"x", {"1"}}}, [](const ModelEvent& e) { return e.id.empty(); });
  add({{"user_id", {"u1", "u2*", "u30"}}, {"kind", {"!click"}}}, [](const ModelEvent& e) {
    return e.kind != EventKind::kClick && (e.user == "u1" || e.user.starts_with("u2") || e.user == "u30");
  });
  return filters;
}

class EngineModelTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const char* fixed = std::getenv("TALLYMARK_SEED");
    seed_ = fixed != nullptr ? std::strtoull(fixed, nullptr, 10) : std::random_device()() * 8ULL + GetParam();
    std::cout << "seed " << seed_ << " (set TALLYMARK_SEED to repeat)\n";
    random_.seed(seed_);
    options_.data_dir = directory_.path();
    options_.clock = &clock_;
    options_.memory_bytes = 64 << 20;
    options_.free_space_floor_bytes = 0;
    options_.checkpoint_events = 200;
    options_.checkpoint_interval_ms = 50;
    if (seed_ % 2 == 0) options_.people_beside_bytes = 0;  // always on a second thread
    options_.seal_identities = 300;
    engine_ = MustOpen(options_);
  }

  uint64_t Pick(uint64_t n) { return random_() % n; }

  ModelEvent RandomEvent() {
    ModelEvent e;
    const uint64_t kind = Pick(10);
    e.kind = kind < 7 ? EventKind::kClick : kind < 9 ? EventKind::kImpression : EventKind::kConversion;
    e.ad = "ad" + std::to_string(Pick(30));
    if (Pick(8) != 0) e.id = std::to_string(Pick(3000));
    if (Pick(2) == 0) e.user = "u" + std::to_string(Pick(50));
    // Mostly near the clock, sometimes anywhere in the last days, to the second so that edges meet.
    const int64_t back =
        Pick(4) == 0 ? static_cast<int64_t>(Pick(60 * 3600)) : static_cast<int64_t>(Pick(600));
    e.time_ns = (clock_.NowNs() / kNsPerSecond - back) * kNsPerSecond;
    e.revenue = static_cast<int64_t>(Pick(1000));
    return e;
  }

  void AppendSome() {
    std::string lines;
    uint64_t fresh = 0;
    const uint64_t count = 1 + Pick(60);
    for (uint64_t i = 0; i < count; ++i) {
      ModelEvent e = !sent_.empty() && Pick(5) == 0 ? sent_[Pick(sent_.size())] : RandomEvent();
      // Whether an event repeats one whose raw record has expired is known to the hour only: what
      // is sent stays a window inside of retention.
      if (e.time_ns < clock_.NowNs() - 64 * kNsPerHour) continue;
      sent_.push_back(e);
      fresh += model_.Add(e) ? 1 : 0;
      lines += e.Line();
    }
    AppendOutcome outcome = AppendLines(engine_.get(), lines);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
    ASSERT_EQ(outcome.accepted, fresh) << "seed " << seed_;
  }

  void Compare() {
    const int32_t now = MinuteOf(clock_.NowNs()) + 1;
    for (const std::string& ad : model_.Ads()) {
      const int32_t begin = now - static_cast<int32_t>(Pick(80 * 60)) - 1;
      const int32_t end = begin + 1 + static_cast<int32_t>(Pick(static_cast<uint64_t>(now - begin)));
      Result<MetricSums> sums = engine_->Totals(ad, 0, {begin, end});
      if (sums.status().code() == Code::kGone) {
        ASSERT_LT(HourOfMinute(begin), engine_->Stats().minutes_kept_from_hour);
      } else {
        ASSERT_TRUE(sums.ok()) << sums.status().message();
        ASSERT_TRUE(*sums == model_.Sum(ad, begin, end)) << "seed " << seed_ << " ad " << ad << " " << begin;
      }
      // Whole hours outlive their minutes.
      const int32_t hour = HourOfMinute(begin) * 60;
      Result<MetricSums> whole = engine_->Totals(ad, 0, {hour, hour + 120});
      ASSERT_TRUE(whole.ok()) << whole.status().message();
      ASSERT_TRUE(*whole == model_.Sum(ad, hour, hour + 120)) << "seed " << seed_ << " ad " << ad;
    }
    CompareTop(now - static_cast<int32_t>(1 + Pick(300)), now);
    CompareTop(now - 60, now);
    ComparePeople(now);
  }

  // Distinct users of some ads together, over steps of some hours.
  void ComparePeople(int32_t now) {
    std::vector<std::string> ads;
    for (const std::string& ad : model_.Ads()) {
      if (Pick(4) == 0) ads.push_back(ad);
    }
    const auto step = static_cast<int32_t>(1 + Pick(4));
    const auto steps = static_cast<int32_t>(1 + Pick(20));
    const int32_t begin = HourOfMinute(now) + 1 - step * steps;
    Result<MetricSeries> series = engine_->Metrics(ads, {begin * 60, (begin + step * steps) * 60}, step * 60);
    ASSERT_TRUE(series.ok()) << series.status().message();
    for (int32_t i = 0; i < steps; ++i) {
      const MetricPoint& point = series->points[static_cast<size_t>(i)];
      ASSERT_TRUE(point.users.has_value());
      ASSERT_TRUE(point.users->exact);
      ASSERT_EQ(point.users->count, model_.Users(ads, begin + i * step, begin + (i + 1) * step))
          << "seed " << seed_;
    }
  }

  void CompareTop(int32_t begin, int32_t end) {
    const auto metric = static_cast<Metric>(Pick(kMetricCount));
    Result<TopList> top = engine_->PopularAds(0, metric, {begin, end}, 10'000);
    if (top.status().code() == Code::kGone) return;
    ASSERT_TRUE(top.ok()) << top.status().message();
    std::vector<std::pair<int64_t, std::string>> got;
    for (size_t i = 0; i < top->ad_ids.size(); ++i) got.emplace_back(-top->amounts[i], top->ad_ids[i]);
    ASSERT_EQ(got, model_.Top(begin, end, metric)) << "seed " << seed_;
  }

  void DefineSome() {
    const auto id = static_cast<uint32_t>(1 + Pick(4));
    const size_t which = Pick(filters_.size());
    bool created = false;
    Result<FilterInfo> filter = engine_->DefineFilter(id, filters_[which].definition, &created);
    if (filter.status().code() == Code::kConflict) {
      ASSERT_FALSE(engine_->ReadinessOf(id)->ready);
      return;
    }
    ASSERT_TRUE(filter.ok()) << filter.status().message();
    defined_[id] = which;
    jobs_[id] = filter->job;
    if (Pick(2) == 0) WaitForFilter(id);
  }
  void DeleteOne() {
    if (defined_.empty()) return;
    const uint32_t id = defined_.begin()->first;
    WaitForFilter(id);
    ASSERT_TRUE(engine_->DeleteFilter(id).ok());
    defined_.erase(id);
  }
  void WaitForFilter(uint32_t id) {
    while (!engine_->ReadinessOf(id)->ready) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_EQ(engine_->FindJob(jobs_[id]).status().code(), Code::kOk);
  }

  void CompareFilters() {
    const int32_t now = MinuteOf(clock_.NowNs()) + 1;
    for (const auto& [id, which] : defined_) {
      WaitForFilter(id);
      int32_t begin = HourOfMinute(now - static_cast<int32_t>(Pick(80 * 60))) * 60;
      const std::optional<int64_t> complete_from = engine_->FindFilter(id)->complete_from_ms;
      if (complete_from) begin = std::max(begin, static_cast<int32_t>(*complete_from / kMsPerMinute));
      const int32_t end = begin + 60 * static_cast<int32_t>(1 + Pick(40));
      const std::map<std::string, MetricSums> expected = model_.Filtered(begin, end, filters_[which].matches);
      for (const std::string& ad : model_.Ads()) {
        Result<MetricSums> sums = engine_->Totals(ad, id, {begin, end});
        ASSERT_TRUE(sums.ok()) << sums.status().message();
        auto found = expected.find(ad);
        ASSERT_TRUE(*sums == (found == expected.end() ? MetricSums() : found->second))
            << "seed " << seed_ << " filter " << id << " (" << which << ") ad " << ad << " from " << begin;
      }
      const auto metric = static_cast<Metric>(Pick(kMetricCount));
      Result<TopList> top = engine_->PopularAds(id, metric, {begin, end}, 10'000);
      ASSERT_TRUE(top.ok()) << top.status().message();
      std::map<std::string, int64_t> listed;
      for (size_t i = 0; i < top->ad_ids.size(); ++i) listed[top->ad_ids[i]] = top->amounts[i];
      std::map<std::string, int64_t> counted;
      for (const auto& [ad, sums] : expected) {
        if (sums[metric] > 0) counted[ad] = static_cast<int64_t>(sums[metric]);
      }
      ASSERT_EQ(listed, counted) << "seed " << seed_ << " filter " << id << " (" << which << ")";
    }
  }

  void CompareRecords() {
    if (engine_->Stats().raw_kept_from_hour != INT32_MIN) return;
    for (const std::string& ad : model_.Ads()) {
      uint64_t count = 0;
      std::string cursor;
      int64_t last = INT64_MIN;
      for (bool more = true; more;) {
        Result<EventPage> page = engine_->Events(ad, 0, INT64_MAX / 2, 100, cursor);
        ASSERT_TRUE(page.ok()) << page.status().message();
        for (const RawEvent& e : page->events) {
          ASSERT_LE(last, e.time_ns);
          last = e.time_ns;
        }
        count += page->events.size();
        more = page->cursor.has_value();
        cursor = page->cursor.value_or("");
      }
      ASSERT_EQ(count, model_.Events(ad)) << "seed " << seed_ << " ad " << ad;
    }
  }

  // Whatever happened before, raw says the same as the counters, and replacing them changes nothing.
  void Recount() {
    const int64_t from = clock_.NowNs() - static_cast<int64_t>(1 + Pick(100)) * kNsPerHour;
    const int64_t to = from + static_cast<int64_t>(1 + Pick(4)) * kNsPerHour;
    if (Pick(2) == 0) {
      Result<RecomputeReport> recomputed = engine_->Recompute(from, to, {});
      if (recomputed.status().code() == Code::kGone) return;
      ASSERT_TRUE(recomputed.ok()) << recomputed.status().message() << " seed " << seed_;
      ASSERT_EQ(recomputed->rows_removed, 0U) << "seed " << seed_;
    }
    Result<ReconcileReport> report = engine_->Reconcile(from, to, {});
    if (report.status().code() == Code::kGone) return;
    ASSERT_TRUE(report.ok()) << report.status().message() << " seed " << seed_;
    ASSERT_EQ(report->mismatch_count, 0U) << "seed " << seed_;
  }

  void Step() {
    switch (Pick(40)) {
      case 0:
        ASSERT_TRUE(engine_->Checkpoint().ok());
        break;
      case 1:
        ASSERT_TRUE(engine_->CompactAll(Pick(2) == 0).ok());
        break;
      case 2:
        engine_.reset();
        engine_ = MustOpen(options_);
        ASSERT_TRUE(engine_);
        break;
      case 3:
        clock_.Set(clock_.NowNs() + static_cast<int64_t>(Pick(3 * 3600)) * kNsPerSecond);
        break;
      case 4:
        Compare();
        CompareFilters();
        break;
      case 5:
        DefineSome();
        break;
      case 6:
        if (Pick(4) == 0) DeleteOne();
        break;
      case 7:
        Recount();
        break;
      default:
        AppendSome();
    }
  }

  uint64_t seed_ = 0;
  std::mt19937_64 random_;
  TempDirectory directory_;
  ManualClock clock_{kStart + 100 * kNsPerDay};
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  Model model_;
  std::vector<ModelEvent> sent_;
  const std::vector<ModelFilter> filters_ = ModelFilters();
  std::map<uint32_t, size_t> defined_;  // index into filters_
  std::map<uint32_t, uint64_t> jobs_;
};

TEST_P(EngineModelTest, AgreesWithTheModel) {
  if (GetParam() % 2 == 1) {
    options_.retain_minutes_ms = 30 * kMsPerHour;
    options_.retain_raw_ms = 90 * kMsPerHour;
    engine_.reset();
    engine_ = MustOpen(options_);
  }
  for (int step = 0; step < 1500 && !HasFatalFailure(); ++step) Step();
  if (HasFatalFailure()) return;
  Compare();
  CompareFilters();
  CompareRecords();
}

INSTANTIATE_TEST_SUITE_P(Seeds, EngineModelTest, ::testing::Range(0, 4));

}  // namespace
}  // namespace tallymark
