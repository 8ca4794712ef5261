// The engine against a model of a few dozen lines: random appends, resends, late and scattered
// events, checkpoints, repacking, compaction, retention and reopening, thousands of steps; after
// each stretch every count, list and record is compared.

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
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
    ++events_[e.ad];
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
  std::map<std::string, uint64_t> events_;
};

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
        break;
      case 5:
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
  CompareRecords();
}

INSTANTIATE_TEST_SUITE_P(Seeds, EngineModelTest, ::testing::Range(0, 4));

}  // namespace
}  // namespace tallymark
