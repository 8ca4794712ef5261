#include "engine/counter_view.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "engine/ad_table.h"
#include "engine/meta_keys.h"
#include "tests/engine/test_batches.h"
#include "tests/engine/test_storage.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int32_t kHour = 447'072;  // 2021-01-01T00:00:00Z
constexpr int32_t kMinute = kHour * kMinutesPerHour;
constexpr int64_t kStart = kHour * kNsPerHour;

TestEvent ClickAt(uint32_t ad, int32_t minute) { return {ad, minute * kNsPerMinute + 5}; }
TestEvent ConversionAt(uint32_t ad, int32_t minute, int64_t revenue) {
  return {ad, minute * kNsPerMinute, EventKind::kConversion, revenue};
}

// A view with the steps of a checkpoint, and names for the ads that appear.
class ViewUnderTest {
 public:
  explicit ViewUnderTest(uint32_t ads = 10) {
    while (ads_.size() < ads) AddAd();
    Open();
  }
  CounterView* operator->() { return view_.get(); }
  TestStorage& storage() { return storage_; }
  AdTable& ads() { return ads_; }
  void AddAd() { ads_.Intern("ad" + std::to_string(ads_.size()), ads_.size() * 0x9E3779B97F4A7C15); }

  void Open() {
    view_ = std::make_unique<CounterView>(storage_.get(), storage_.retention());
    ASSERT_TRUE(view_->Load().ok());
  }
  void Reopen() {
    view_.reset();
    storage_.Reopen();
    Open();
  }
  void Apply(const std::vector<TestEvent>& events) {
    TestBatch test(events);
    BatchEncoder().Encode(&test.batch);
    view_->Apply(test.batch);
    ++sequence_;
  }
  bool Freeze() { return view_->Freeze(sequence_); }
  void WriteAndIngest() {
    Result<CounterView::Files> files = view_->WriteFiles();
    ASSERT_TRUE(files.ok()) << files.status().message();
    Status status = view_->IngestAndPublish([&] {
      Status ingested = storage_->Ingest(files->files);
      if (ingested.ok()) storage_.Put(Family::kPositions, std::string(kPositionCounters), files->position);
      return ingested;
    });
    ASSERT_TRUE(status.ok()) << status.message();
  }
  void Checkpoint() {
    if (Freeze()) WriteAndIngest();
  }

  MetricSums Sum(uint32_t ad, int32_t begin, int32_t end) {
    MetricSums sums;
    Status status = view_->Sum(ad, 0, {begin, end}, &sums);
    EXPECT_TRUE(status.ok()) << status.message();
    return sums;
  }
  int64_t Clicks(uint32_t ad, int32_t begin, int32_t end) {
    return static_cast<int64_t>(Sum(ad, begin, end)[Metric::kClicks]);
  }
  AdAmounts Totals(Metric metric, int32_t begin, int32_t end) {
    AdAmounts totals;
    Status status = view_->Totals(0, metric, {begin, end}, ads_, &totals);
    EXPECT_TRUE(status.ok()) << status.message();
    return totals;
  }
  // By ad, or empty when the window is another.
  AdAmounts Window(int32_t end) {
    AdAmounts totals;
    view_->TopFromWindow({end - TopWindow::kMinutes, end},
                         [&](std::span<const uint32_t> w) { totals.assign(w.begin(), w.end()); });
    totals.resize(totals.empty() ? 0 : ads_.size());
    return totals;
  }

 private:
  TestStorage storage_;
  AdTable ads_;
  std::unique_ptr<CounterView> view_;
  uint64_t sequence_ = 0;
};

TEST(CounterViewTest, AFreshViewCoversNothingAndCountsZero) {
  ViewUnderTest view;
  EXPECT_EQ(view->covered_sequence(), 0U);
  EXPECT_TRUE(view.Sum(3, kMinute, kMinute + 600).IsZero());
  EXPECT_FALSE(view.Freeze()) << "nothing new";
}

TEST(CounterViewTest, ACountIsTheSameInEveryStageOfACheckpoint) {
  ViewUnderTest view;
  auto check = [&](const char* stage) {
    SCOPED_TRACE(stage);
    EXPECT_EQ(view.Clicks(1, kMinute, kMinute + 60), 2);
    EXPECT_EQ(view.Clicks(1, kMinute + 1, kMinute + 2), 1);
    EXPECT_EQ(view.Clicks(1, kMinute - 600, kMinute + 600), 3);
    EXPECT_EQ(view.Totals(Metric::kClicks, kMinute, kMinute + 60), (AdAmounts{0, 2, 1, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(view.Totals(Metric::kClicks, kMinute - 90, kMinute + 1)[1], 2);
    EXPECT_TRUE(view.Sum(2, kMinute, kMinute + 60)[Metric::kRevenue] == -5);
  };
  view.Apply({ClickAt(1, kMinute), ClickAt(1, kMinute + 1), ClickAt(1, kMinute - 61),
              ClickAt(2, kMinute + 59), ConversionAt(2, kMinute, -5)});
  check("live");
  ASSERT_TRUE(view.Freeze());
  check("frozen");
  view.WriteAndIngest();
  check("on disk");
  for (Family family : {Family::kCounters, Family::kTopMinutes, Family::kTopHours})
    view.storage().Compact(family);
  check("compacted");
  view.Reopen();
  check("reopened");
  EXPECT_EQ(view->covered_sequence(), 1U);
}

// Rows that were read are remembered, absent ones as well.
TEST(CounterViewTest, WhatWasReadIsForgottenWhenStoredRowsChange) {
  ViewUnderTest view;
  EXPECT_EQ(view.Clicks(1, kMinute, kMinute + 60), 0);
  for (int stored = 1; stored <= 3; ++stored) {
    view.Apply({ClickAt(1, kMinute + stored)});
    view.Checkpoint();
    for (int again = 0; again < 2; ++again) {
      EXPECT_EQ(view.Clicks(1, kMinute, kMinute + 60), stored);
      EXPECT_EQ(view.Clicks(1, kMinute + stored, kMinute + 60), 1);
      EXPECT_EQ(view.Clicks(2, kMinute, kMinute + 60), 0);
    }
  }
}

TEST(CounterViewTest, DiskAndBothDeltasAddUp) {
  ViewUnderTest view;
  view.Apply({ClickAt(1, kMinute)});
  view.Checkpoint();
  view.Apply({ClickAt(1, kMinute)});
  ASSERT_TRUE(view.Freeze());
  view.Apply({ClickAt(1, kMinute)});
  EXPECT_EQ(view.Clicks(1, kMinute, kMinute + 1), 3);
  EXPECT_EQ(view.Totals(Metric::kClicks, kMinute, kMinute + 1)[1], 3);
  EXPECT_EQ(view->delta_rows(), 2U);
  view.WriteAndIngest();
  EXPECT_EQ(view.Clicks(1, kMinute, kMinute + 1), 3);
  EXPECT_EQ(view->delta_rows(), 1U);
}

TEST(CounterViewTest, ReplayCountsWhatApplyCounted) {
  const std::vector<TestEvent> events = {
      ClickAt(1, kMinute), ConversionAt(1, kMinute + 3, 7), {1, kStart, EventKind::kImpression}};
  TestBatch test(events);
  BatchEncoder encoder;
  encoder.Encode(&test.batch);
  ViewUnderTest view;
  for (const BatchBlock& block : test.batch.blocks)
    ASSERT_TRUE(view->Replay(1, block.bytes, FilterSet({}), view.ads()).ok());
  const MetricSums sums = view.Sum(1, kMinute, kMinute + 60);
  EXPECT_TRUE(sums[Metric::kClicks] == 1 && sums[Metric::kImpressions] == 1);
  EXPECT_TRUE(sums[Metric::kConversions] == 1 && sums[Metric::kRevenue] == 7);
  EXPECT_EQ(view->Replay(1, "no block", FilterSet({}), view.ads()).code(), Code::kCorruption);
}

TEST(CounterViewTest, AFailedIngestionKeepsEverythingReadable) {
  ViewUnderTest view;
  view.Apply({ClickAt(1, kMinute)});
  ASSERT_TRUE(view.Freeze());
  ASSERT_TRUE(view->WriteFiles().ok());
  EXPECT_EQ(view->IngestAndPublish([] { return Status::Io("disk"); }).code(), Code::kIo);
  view.Apply({ClickAt(1, kMinute)});
  EXPECT_EQ(view.Clicks(1, kMinute, kMinute + 1), 2);
  EXPECT_EQ(view.Totals(Metric::kClicks, kMinute, kMinute + 1)[1], 2);
  EXPECT_EQ(view->covered_sequence(), 0U);
}

TEST(CounterViewTest, AnUnreadablePositionIsCorruption) {
  TestStorage storage;
  storage.Put(Family::kPositions, std::string(kPositionCounters), "nonsense");
  CounterView view(storage.get(), storage.retention());
  EXPECT_EQ(view.Load().code(), Code::kCorruption);
}

TEST(CounterViewTest, BucketsOfMinutesAndHoursAgreeWithTheirSums) {
  ViewUnderTest view;
  for (int i = 0; i < 300; ++i) {
    view.Apply({ClickAt(1, kMinute + i * 7 % 400)});
    if (i % 100 == 50) view.Checkpoint();
  }
  for (int step : {1, 60}) {
    std::vector<MetricSums> buckets;
    ASSERT_TRUE(view->Buckets(1, 0, {kMinute, kMinute + 480}, step, &buckets).ok());
    ASSERT_EQ(buckets.size(), static_cast<size_t>(480 / step));
    for (int i = 0; i < 480 / step; ++i) {
      EXPECT_TRUE(buckets[static_cast<size_t>(i)] ==
                  view.Sum(1, kMinute + i * step, kMinute + (i + 1) * step));
    }
  }
}

TEST(CounterViewTest, RevenueBeyond64BitsIsAnErrorOfAListAndExactInASum) {
  for (bool on_disk : {false, true}) {
    ViewUnderTest view;
    view.Apply({ConversionAt(1, kMinute, INT64_MAX), ConversionAt(1, kMinute + 1, 1)});
    if (on_disk) view.Checkpoint();
    view.Apply({ConversionAt(1, kMinute + 2, INT64_MAX)});
    EXPECT_TRUE(
        (view.Sum(1, kMinute, kMinute + 60)[Metric::kRevenue] == static_cast<__int128>(INT64_MAX) * 2 + 1));
    AdAmounts totals;
    Status status = view->Totals(0, Metric::kRevenue, {kMinute, kMinute + 60}, view.ads(), &totals);
    EXPECT_EQ(status.code(), Code::kExhausted) << "never a silent wrap; on disk " << on_disk;
    totals.clear();
    EXPECT_TRUE(view->Totals(0, Metric::kConversions, {kMinute, kMinute + 60}, view.ads(), &totals).ok());
  }
}

TEST(CounterViewTest, ManyCheckpointsOfOneMinuteKeepFewLists) {
  ViewUnderTest view;
  for (int i = 1; i <= 30; ++i) {
    view.Apply({ClickAt(static_cast<uint32_t>(i % 3), kMinute)});
    view.Checkpoint();
    ASSERT_LE(view.storage().CountKeys(Family::kTopMinutes), 5U);
    ASSERT_LE(view.storage().CountKeys(Family::kTopHours), 5U);
    AdAmounts totals = view.Totals(Metric::kClicks, kMinute, kMinute + 1);
    ASSERT_EQ(totals[0] + totals[1] + totals[2], i);
  }
  EXPECT_EQ(view.Totals(Metric::kClicks, kMinute - 60, kMinute + 60)[1], 10);
}

TEST(CounterViewTest, RevenueThatIsTakenBackLeavesNothingInTheLists) {
  ViewUnderTest view;
  for (int i = 0; i < 6; ++i) {
    view.Apply({ConversionAt(1, kMinute, 10)});
    view.Checkpoint();
  }
  view.Apply({ConversionAt(1, kMinute, -60)});
  view.Checkpoint();
  for (int end : {1, 60}) EXPECT_EQ(view.Totals(Metric::kRevenue, kMinute, kMinute + end)[1], 0) << end;
}

TEST(CounterViewTest, TheWindowFollowsTheClockAndTheEvents) {
  ViewUnderTest view;
  view.Apply({ClickAt(1, kMinute), ClickAt(2, kMinute + 59), ClickAt(3, kMinute + 61)});
  EXPECT_TRUE(view.Window(kMinute + 60).empty()) << "not filled yet";
  ASSERT_TRUE(view->AdvanceWindow(kMinute + 60, view.ads()).ok());
  EXPECT_EQ(view.Window(kMinute + 60), view.Totals(Metric::kClicks, kMinute, kMinute + 60));
  view.Apply({ClickAt(1, kMinute + 1), ClickAt(1, kMinute - 1)});
  EXPECT_EQ(view.Window(kMinute + 60)[1], 2);
  for (int step = 0; step < 100; step += 7) {
    const int32_t end = kMinute + 61 + step;
    ASSERT_TRUE(view->AdvanceWindow(end, view.ads()).ok());
    EXPECT_EQ(view.Window(end), view.Totals(Metric::kClicks, end - 60, end)) << step;
    if (step % 2 == 0) view.Checkpoint();
  }
  ASSERT_TRUE(view->AdvanceWindow(kMinute + 5, view.ads()).ok());
  EXPECT_TRUE(view.Window(kMinute + 5).empty()) << "it never goes back";
}

// Clicks of some of very many ads, from a thread of its own, until Stop.
class SteadyClicks {
 public:
  SteadyClicks(ViewUnderTest* view, uint32_t ads, uint64_t seed) : view_(view), ads_(ads), random_(seed) {
    thread_ = std::thread([this] {
      while (!stop_) Batch();
    });
    while (batches_ == 0) std::this_thread::yield();
  }
  ~SteadyClicks() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Batch() {
    std::vector<TestEvent> events;
    for (int i = 0; i < 3000; ++i) {
      const auto ad = static_cast<uint32_t>(random_() % ads_);
      events.push_back(ClickAt(ad, kMinute - 70 + static_cast<int32_t>(random_() % 220)));
    }
    view_->Apply(events);
    ++batches_;
  }

  ViewUnderTest* const view_;
  const uint32_t ads_;
  std::mt19937_64 random_;
  std::atomic<bool> stop_{false};
  std::atomic<int> batches_{0};
  std::thread thread_;
};

// Rows of four slices and more, whose table grows on the way.
TEST(CounterViewTest, TheWindowMovesWhileEventsAreCounted) {
  constexpr uint32_t kAds = 100'000;
  const uint64_t seed = TestSeed();
  ViewUnderTest view(kAds);
  std::vector<TestEvent> first;
  for (uint32_t ad = 0; ad < kAds; ++ad)
    first.push_back(ClickAt(ad, kMinute + static_cast<int32_t>(ad % 60)));
  view.Apply(first);
  int32_t end = kMinute + 50;
  for (const int32_t step : {1, 1, 3, 5, 1, 1, 70, 1, 1, 1}) {
    end += step;
    SteadyClicks clicks(&view, kAds, seed + static_cast<uint64_t>(end));
    ASSERT_TRUE(view->AdvanceWindow(end, view.ads()).ok());
    clicks.Stop();
    EXPECT_EQ(view.Window(end), view.Totals(Metric::kClicks, end - 60, end))
        << "seed " << seed << " to " << end;
    if (step == 5) view.Checkpoint();
  }
}

// The table of rows grows from nothing to a million slots meanwhile, most likely while it is read.
TEST(CounterViewTest, TotalsNeverLoseWhatTheyHadWhileEventsAreCounted) {
  constexpr uint32_t kAds = 300'000;
  const uint64_t seed = TestSeed();
  ViewUnderTest view(kAds);
  const auto totals = [&] { return view.Totals(Metric::kClicks, kMinute - 100, kMinute + 300); };
  SteadyClicks clicks(&view, kAds, seed);
  AdAmounts before(kAds);
  while (view->live_rows() < 400'000) {
    const AdAmounts now = totals();
    for (uint32_t ad = 0; ad < kAds; ++ad) ASSERT_LE(before[ad], now[ad]) << "seed " << seed;
    before = now;
  }
  clicks.Stop();
  const AdAmounts after = totals();
  for (uint32_t ad = 0; ad < kAds; ++ad) ASSERT_LE(before[ad], after[ad]) << "seed " << seed;
}

TEST(CounterViewTest, WhatRetentionTookIsRefusedAndNeverAFalseZero) {
  ViewUnderTest view;
  view.storage().retention()->minutes = kHour;
  view.storage().retention()->hours = kHour - 10;
  auto code = [&](int32_t begin, int32_t end) { return view->CheckRange({begin, end}).code(); };
  EXPECT_EQ(code(kMinute, kMinute + 1), Code::kOk);
  EXPECT_EQ(code(kMinute - 60, kMinute + 1), Code::kOk) << "a whole hour, then minutes that are there";
  EXPECT_EQ(code(kMinute - 59, kMinute + 60), Code::kGone);
  EXPECT_EQ(code(kMinute - 120, kMinute - 1), Code::kGone);
  EXPECT_EQ(code(kMinute - 600, kMinute), Code::kOk);
  EXPECT_EQ(code(kMinute - 660, kMinute), Code::kGone);
  auto steps = [&](int32_t begin, int32_t step, int32_t window) {
    return view->CheckSteps({begin, kMinute + 600}, step, window).code();
  };
  EXPECT_EQ(steps(kMinute, 1, 1), Code::kOk);
  EXPECT_EQ(steps(kMinute - 60, 1, 1), Code::kGone);
  EXPECT_EQ(steps(kMinute - 60, 60, 60), Code::kOk);
  EXPECT_EQ(steps(kMinute - 60, 60, 90), Code::kGone);
  EXPECT_EQ(steps(kMinute - 30, 60, 60), Code::kGone);
  EXPECT_EQ(steps(kMinute - 660, 60, 60), Code::kGone);
}

TEST(CounterViewTest, AgreesWithAModelOverCheckpointsAndRestarts) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  auto pick = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  ViewUnderTest view;
  std::map<uint32_t, std::map<int32_t, MetricSums>> model;
  auto expected = [&](uint32_t ad, int32_t begin, int32_t end) {
    MetricSums sums;
    for (auto it = model[ad].lower_bound(begin); it != model[ad].end() && it->first < end; ++it)
      sums.Add(it->second);
    return sums;
  };
  for (int step = 0; step < 2000; ++step) {
    std::vector<TestEvent> events;
    for (int i = pick(20); i >= 0; --i) {
      const auto ad = static_cast<uint32_t>(pick(10));
      const int32_t minute = kMinute + pick(600) - 300;
      const auto kind = static_cast<EventKind>(1 + pick(3));
      const int64_t revenue = kind == EventKind::kConversion ? pick(9) - 3 : 0;
      events.push_back({ad, minute * kNsPerMinute, kind, revenue});
      MetricSums& cell = model[ad][minute];
      cell[static_cast<Metric>(static_cast<int>(kind) - 1)] += 1;
      cell[Metric::kRevenue] += revenue;
    }
    view.Apply(events);
    const int action = pick(40);
    if (action == 0) view.Checkpoint();
    if (action == 1) {
      view.Checkpoint();
      view.Reopen();
    }
    if (action > 3) continue;
    const int32_t begin = kMinute + pick(700) - 350;
    const int32_t end = begin + 1 + pick(500);
    for (int m = 0; m < kMetricCount; ++m) {
      const auto metric = static_cast<Metric>(m);
      const AdAmounts totals = view.Totals(metric, begin, end);
      for (uint32_t ad = 0; ad < 10; ++ad) {
        ASSERT_TRUE(view.Sum(ad, begin, end) == expected(ad, begin, end)) << "seed " << seed;
        ASSERT_TRUE(expected(ad, begin, end)[metric] == totals[ad]) << "seed " << seed << " metric " << m;
      }
    }
  }
}

// One writer, checkpoints and readers at once. Every batch counts the same for every ad, so a read
// that sees part of one, or one twice, or a checkpoint's rows beside the delta they came from, shows.
class CounterViewConcurrencyTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kAds = 8;
  static constexpr int kRecentClicks = 12;              // a batch's clicks of an ad in minutes 0..11
  static constexpr int kAllClicks = kRecentClicks + 5;  // and one in each of the five hours before

  void Write(int checkpoints) {
    std::vector<TestEvent> events;
    for (uint32_t ad = 0; ad < kAds; ++ad) {
      for (int m = 0; m < kRecentClicks; ++m) events.push_back(ClickAt(ad, kMinute + m));
      for (int h = 1; h <= 5; ++h) events.push_back(ClickAt(ad, kMinute - h * 60 + 30));
    }
    std::thread checkpoint;
    std::atomic<bool> busy{false};
    for (int done = 0; done < checkpoints;) {
      begun_.fetch_add(1);
      view_.Apply(events);
      applied_.fetch_add(1);
      if (busy.load()) continue;
      if (checkpoint.joinable()) checkpoint.join();
      ++done;
      busy = true;
      ASSERT_TRUE(view_.Freeze());
      checkpoint = std::thread([&, done] {
        view_.WriteAndIngest();
        if (done % 10 == 0) view_.storage().Compact(Family::kCounters);
        busy = false;
      });
    }
    checkpoint.join();
    done_ = true;
  }

  // Calls read() over and over; it returns how many batches it saw.
  template <class Read>
  void Watch(Read&& read) {
    int64_t last = 0;
    int64_t reads = 0;
    for (; !done_.load(); ++reads) {
      const int64_t applied = applied_.load();
      const int64_t seen = read();
      const int64_t begun = begun_.load();
      ASSERT_GE(seen, applied) << "what was applied before the read";
      ASSERT_LE(seen, begun) << "what had begun when it ended";
      ASSERT_GE(seen, last) << "counts never go back";
      last = seen;
    }
    EXPECT_GT(reads, 0);
  }
  int64_t WholeBatches(int64_t clicks, int per_batch) {
    EXPECT_EQ(clicks % per_batch, 0) << "a torn batch";
    return clicks / per_batch;
  }
  int64_t EqualTotals(const AdAmounts& totals, int per_batch) {
    EXPECT_EQ(totals.size(), kAds);
    EXPECT_EQ(std::count(totals.begin(), totals.end(), totals[0]), kAds) << "a torn list";
    return WholeBatches(totals[0], per_batch);
  }

  ViewUnderTest view_{kAds};
  std::atomic<int64_t> begun_{0};
  std::atomic<int64_t> applied_{0};
  std::atomic<bool> done_{false};
};

TEST_F(CounterViewConcurrencyTest, NoReadIsEverTorn) {
  ASSERT_TRUE(view_->AdvanceWindow(kMinute + 60, view_.ads()).ok());
  std::vector<std::thread> readers;
  auto watch = [&](auto read) { readers.emplace_back([this, read] { Watch(read); }); };
  watch([this] { return WholeBatches(view_.Clicks(3, kMinute, kMinute + 60), kRecentClicks); });
  watch([this] { return WholeBatches(view_.Clicks(5, kMinute - 300, kMinute + 60), kAllClicks); });
  watch([this] {
    std::vector<MetricSums> buckets;
    EXPECT_TRUE(view_->Buckets(1, 0, {kMinute, kMinute + kRecentClicks}, 1, &buckets).ok());
    for (const MetricSums& b : buckets) EXPECT_TRUE(b == buckets[0]) << "a torn series";
    return static_cast<int64_t>(buckets[0][Metric::kClicks]);
  });
  watch(
      [this] { return EqualTotals(view_.Totals(Metric::kClicks, kMinute - 300, kMinute + 60), kAllClicks); });
  watch([this] { return EqualTotals(view_.Totals(Metric::kClicks, kMinute, kMinute + 12), kRecentClicks); });
  watch([this] { return EqualTotals(view_.Window(kMinute + 60), kRecentClicks); });
  Write(40);
  for (std::thread& t : readers) t.join();
  EXPECT_EQ(view_.Clicks(0, kMinute - 300, kMinute + 60), begun_.load() * kAllClicks);
}

// Ads that appear while a list is read must not make it fail, nor be left out of the window.
TEST_F(CounterViewConcurrencyTest, NewAdsBesideReadersAndTheWindow) {
  std::vector<std::thread> threads;
  for (int r = 0; r < 2; ++r) {
    threads.emplace_back([&] {
      while (!done_.load()) {
        const AdAmounts totals = view_.Totals(Metric::kClicks, kMinute - 60, kMinute + 600);
        ASSERT_TRUE(std::all_of(totals.begin(), totals.end(), [](int64_t t) { return t == 0 || t == 1; }));
      }
    });
  }
  std::atomic<int32_t> end{kMinute + 1};
  threads.emplace_back([&] {
    while (!done_.load()) ASSERT_TRUE(view_->AdvanceWindow(end.load(), view_.ads()).ok());
  });
  for (int i = 0; i < 2000; ++i) {
    view_.AddAd();
    view_.Apply({ClickAt(view_.ads().size() - 1, end.load())});  // in the minute that enters next
    if (i % 50 == 49) end.fetch_add(1);
    if (i % 20 == 0) view_.Checkpoint();
  }
  done_ = true;
  for (std::thread& t : threads) t.join();
  ASSERT_TRUE(view_->AdvanceWindow(end.load() + 1, view_.ads()).ok());
  EXPECT_EQ(view_.Window(end.load() + 1), view_.Totals(Metric::kClicks, end.load() - 59, end.load() + 1));
}

}  // namespace
}  // namespace tallymark
