#include "engine/distinct_view.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "engine/meta_keys.h"
#include "format/keys.h"
#include "tests/engine/test_log.h"
#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'609'459'200LL * kNsPerSecond;  // 2021-01-01T00:00:00Z
constexpr int32_t kHour = HourOf(kStart);

std::string Line(int ad, int32_t hour, int user, int ip) {
  static std::atomic<int> number{0};
  return "click,ad_id=ad" + std::to_string(ad) + " event_id=\"" + std::to_string(number++) +
         "\",user_id=\"u" + std::to_string(user) + "\",ip=\"10.0." + std::to_string(ip / 256 % 256) + "." +
         std::to_string(ip % 256) + "\" " + std::to_string(hour * kNsPerHour + 7) + "\n";
}

// A view with the steps of a checkpoint beside a log.
class ViewUnderTest {
 public:
  explicit ViewUnderTest(bool enabled = true) { Open(enabled); }
  DistinctView* operator->() { return view_.get(); }
  TestStorage& storage() { return storage_; }
  uint32_t AdNumber(int ad) { return ads_.Find("ad" + std::to_string(ad)).value_or(1'000'000); }

  void Open(bool enabled, uint64_t last_sequence = 0, int64_t newest_ns = kStart) {
    view_ = std::make_unique<DistinctView>(storage_.get(), storage_.retention(), enabled);
    LogState log;
    log.last_sequence = last_sequence;
    log.newest_ns = newest_ns;
    Status loaded = view_->Load(log);
    ASSERT_TRUE(loaded.ok()) << loaded.message();
  }
  void Reopen(bool enabled = true, int64_t newest_ns = kStart) {
    view_.reset();
    storage_.Reopen();
    Open(enabled, sequence_, newest_ns);
  }
  // Events as a batch that was committed.
  void Apply(const std::string& lines) {
    auto chunk = ParseLines(lines);
    std::vector<PeopleRow> rows;
    for (const Event& e : chunk->events)
      rows.push_back(
          {ads_.Intern(chunk->Get(e, Field::kAdId), e.ad_hash), HourOf(e.time_ns), e.user, e.address});
    view_->Apply(builder_.FromRows(rows));
    ++sequence_;
  }
  bool Freeze() { return view_->Freeze(sequence_); }
  void WriteAndIngest() {
    Result<DistinctView::Files> files = view_->WriteFiles();
    ASSERT_TRUE(files.ok()) << files.status().message();
    Status status = view_->IngestAndPublish([&] {
      Status ingested = storage_->Ingest(files->files);
      if (ingested.ok()) storage_.Put(Family::kPositions, std::string(kPositionDistinct), files->position);
      return ingested;
    });
    ASSERT_TRUE(status.ok()) << status.message();
  }
  void Checkpoint() {
    if (Freeze()) WriteAndIngest();
  }
  std::vector<DistinctPoint> Points(std::vector<int> ads, int32_t begin, int32_t end, int32_t step = 1) {
    std::vector<uint32_t> numbers;
    for (int ad : ads) numbers.push_back(AdNumber(ad));
    std::sort(numbers.begin(), numbers.end());
    std::vector<DistinctPoint> points;
    Status status = view_->Points(numbers, {begin, end}, step, &points);
    EXPECT_TRUE(status.ok()) << status.message();
    return points;
  }
  DistinctPoint Point(std::vector<int> ads, int32_t begin, int32_t end) {
    return Points(std::move(ads), begin, end, end - begin)[0];
  }

 private:
  TestStorage storage_;
  AdTable ads_;
  DistinctRunBuilder builder_{std::make_shared<RunMemory>()};
  std::unique_ptr<DistinctView> view_;
  uint64_t sequence_ = 0;
};

void ExpectCounts(const DistinctPoint& point, int64_t users, int64_t ips) {
  EXPECT_EQ(point.users, (DistinctCount{users, true}));
  EXPECT_EQ(point.ips, (DistinctCount{ips, true}));
  EXPECT_TRUE(point.complete);
}

TEST(DistinctViewTest, AFreshViewCoversNothingAndCountsNobody) {
  ViewUnderTest view;
  EXPECT_EQ(view->covered_sequence(), 0U);
  ExpectCounts(view.Point({1}, kHour, kHour + 5), 0, 0);
  EXPECT_FALSE(view.Freeze()) << "nothing new";
}

TEST(DistinctViewTest, ACountIsTheSameInEveryStageOfACheckpoint) {
  ViewUnderTest view;
  auto check = [&](const char* stage) {
    SCOPED_TRACE(stage);
    ExpectCounts(view.Point({1}, kHour, kHour + 1), 2, 1);
    ExpectCounts(view.Point({1}, kHour + 1, kHour + 2), 2, 2);
    ExpectCounts(view.Point({1}, kHour - 5, kHour + 5), 3, 2);
    ExpectCounts(view.Point({1, 2}, kHour - 5, kHour + 5), 4, 2);
    ExpectCounts(view.Point({3}, kHour - 5, kHour + 5), 0, 0);
    const auto points = view.Points({1}, kHour - 1, kHour + 2);
    ASSERT_EQ(points.size(), 3U);
    ExpectCounts(points[0], 0, 0);
    ExpectCounts(points[2], 2, 2);
  };
  view.Apply(Line(1, kHour, 1, 1) + Line(1, kHour, 1, 1) + Line(1, kHour, 2, 1));
  view.Apply(Line(1, kHour + 1, 2, 1) + Line(1, kHour + 1, 3, 2) + Line(2, kHour, 9, 1));
  check("live");
  ASSERT_TRUE(view.Freeze());
  check("frozen");
  view.WriteAndIngest();
  check("on disk");
  view.storage().Compact(Family::kDistinct);
  check("compacted");
  view.Reopen();
  check("reopened");
  EXPECT_EQ(view->covered_sequence(), 2U);
}

TEST(DistinctViewTest, DiskAndBothDeltasAreOneSet) {
  ViewUnderTest view;
  view.Apply(Line(1, kHour, 1, 1));
  view.Checkpoint();
  view.Apply(Line(1, kHour, 1, 2));
  ASSERT_TRUE(view.Freeze());
  view.Apply(Line(1, kHour, 2, 1));
  ExpectCounts(view.Point({1}, kHour, kHour + 1), 2, 2);
  view.WriteAndIngest();
  ExpectCounts(view.Point({1}, kHour, kHour + 1), 2, 2);
}

TEST(DistinctViewTest, BeyondTheBoundACountIsAnEstimateWhereverTheHourIs) {
  ViewUnderTest view;
  DistinctPoint live;
  for (int i = 0; i < 20; ++i) {
    std::string lines;
    for (int k = 0; k < 1'000; ++k) lines += Line(1, kHour, i * 900 + k, k % 200);
    view.Apply(lines);
    if (i == 9) view.Checkpoint();
  }
  live = view.Point({1}, kHour, kHour + 1);
  EXPECT_FALSE(live.users.exact) << "the part on disk is a sketch";
  EXPECT_NEAR(static_cast<double>(live.users.count), 18'100, 18'100 * 5 * HyperLogLog::kStandardError);
  EXPECT_EQ(live.ips, (DistinctCount{200, true})) << "each of the two has a bound of its own";
  view.Checkpoint();
  EXPECT_EQ(view.Point({1}, kHour, kHour + 1).users, live.users);
  view.storage().Compact(Family::kDistinct);
  EXPECT_EQ(view.Point({1}, kHour, kHour + 1).users, live.users);
}

TEST(DistinctViewTest, ARangeOfExactHoursIsExactBeyondTheBoundOfOne) {
  ViewUnderTest view;
  for (int hour = 0; hour < 4; ++hour) {
    std::string lines;
    for (int k = 0; k < 3'000; ++k) lines += Line(1, kHour + hour, hour * 2'000 + k, 1);
    view.Apply(lines);
  }
  ExpectCounts(view.Point({1}, kHour, kHour + 4), 9'000, 1);
  view.Checkpoint();
  ExpectCounts(view.Point({1}, kHour, kHour + 4), 9'000, 1);
}

TEST(DistinctViewTest, ARangeWithOneHourBeyondTheBoundIsTheSameEstimateInMemoryAndOnDisk) {
  ViewUnderTest view;
  std::string lines;
  for (int k = 0; k < 5'000; ++k) lines += Line(1, kHour, k, k % 300);
  for (int k = 0; k < 100; ++k) lines += Line(1, kHour + 1, 4'950 + k, k);
  view.Apply(lines);
  const DistinctPoint live = view.Point({1}, kHour, kHour + 2);
  EXPECT_FALSE(live.users.exact);
  EXPECT_EQ(live.ips, (DistinctCount{300, true}));
  view.Checkpoint();
  EXPECT_EQ(view.Point({1}, kHour, kHour + 2).users, live.users);
  // Part of the hour on disk and part in memory, which have all in common.
  view.Apply(lines);
  EXPECT_EQ(view.Point({1}, kHour, kHour + 2).users, live.users);
  EXPECT_EQ(view.Point({1}, kHour, kHour + 2).ips, live.ips);
}

TEST(DistinctViewTest, ReplayGivesWhatApplyGave) {
  TestStorage storage;
  AdTable ads;
  TestLog log(storage.get(), &ads);
  std::string lines;
  for (int i = 0; i < 500; ++i) lines += Line(i % 7, kHour + i % 3, i % 50, i % 40);
  lines += "impression,ad_id=ad1 event_id=\"nobody\" " + std::to_string(kStart) + "\n";
  lines += "impression,ad_id=ad1 event_id=\"v6\",ip=\"2001:DB8::1\" " + std::to_string(kStart) + "\n";
  log.Append(lines);
  ViewUnderTest applied;
  applied.Apply(lines);
  DistinctView replayed(storage.get(), storage.retention(), true);
  ASSERT_TRUE(replayed.Load(LogState()).ok());
  for (uint64_t s = 1; s <= log.last_sequence(); ++s) {
    auto block = storage->Get(Family::kRaw, RawKey{s}.Encode());
    ASSERT_TRUE(block.ok());
    ASSERT_TRUE(replayed.Replay(*block).ok());
    ASSERT_TRUE(replayed.Replay(*block).ok()) << "once more changes nothing";
  }
  for (int ad = 0; ad < 7; ++ad) {
    const uint32_t number = *ads.Find("ad" + std::to_string(ad));
    std::vector<DistinctPoint> points;
    ASSERT_TRUE(replayed.Points(std::span(&number, 1), {kHour, kHour + 3}, 1, &points).ok());
    const auto expected = applied.Points({ad}, kHour, kHour + 3);
    for (size_t i = 0; i < points.size(); ++i) {
      EXPECT_EQ(points[i].users, expected[i].users);
      EXPECT_EQ(points[i].ips, expected[i].ips);
    }
  }
}

// Random batches, checkpoints and restarts against sets in memory.
TEST(DistinctViewTest, RandomHistoriesAgreeWithSetsInMemory) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 5; ++round) {
    ViewUnderTest view;
    std::map<std::pair<int, int32_t>, std::pair<std::set<int>, std::set<int>>> model;
    for (int step = 0; step < 60; ++step) {
      std::string lines;
      for (uint64_t n = 1 + random() % (step % 10 == 0 ? 2'000 : 20); n > 0; --n) {
        const auto ad = static_cast<int>(random() % 12);
        const auto hour = kHour + static_cast<int32_t>(random() % 6);
        const auto user = static_cast<int>(random() % 300);
        const auto ip = static_cast<int>(random() % 3'000);
        lines += Line(ad, hour, user, ip);
        model[{ad, hour}].first.insert(user);
        model[{ad, hour}].second.insert(ip);
      }
      view.Apply(lines);
      if (random() % 6 == 0) view.Checkpoint();
      if (random() % 15 == 0) view.storage().Compact(Family::kDistinct);
    }
    for (int check = 0; check < 200; ++check) {
      std::set<int> ads;
      for (uint64_t n = 1 + random() % 12; n > 0; --n) ads.insert(static_cast<int>(random() % 12));
      const int32_t begin = kHour + static_cast<int32_t>(random() % 6);
      const int32_t end = begin + 1 + static_cast<int32_t>(random() % 6);
      std::set<int> users;
      std::set<int> ips;
      for (const auto& [key, sets] : model) {
        if (!ads.contains(key.first) || key.second < begin || key.second >= end) continue;
        users.insert(sets.first.begin(), sets.first.end());
        ips.insert(sets.second.begin(), sets.second.end());
      }
      ExpectCounts(view.Point({ads.begin(), ads.end()}, begin, end), static_cast<int64_t>(users.size()),
                   static_cast<int64_t>(ips.size()));
    }
  }
}

TEST(DistinctViewTest, ReadersBesideCheckpointsMissNobody) {
  ViewUnderTest view;
  for (int i = 0; i < 50; ++i) view.Apply(Line(1, kHour, i, i));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  const uint32_t number = view.AdNumber(1);
  std::thread reader([&] {
    std::vector<DistinctPoint> points;
    int64_t least = 50;
    while (!stop) {
      if (!view->Points(std::span(&number, 1), {kHour, kHour + 1}, 1, &points).ok()) ++wrong;
      if (points[0].users.count < least) ++wrong;
      least = points[0].users.count;
    }
  });
  for (int i = 50; i < 400; ++i) {
    view.Apply(Line(1, kHour, i, i));
    if (i % 7 == 0) view.Checkpoint();
  }
  stop = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
  ExpectCounts(view.Point({1}, kHour, kHour + 1), 400, 400);
}

TEST(DistinctViewTest, WhatCameWhileItWasOffIsNotGivenAsCounted) {
  ViewUnderTest view;
  view.Apply(Line(1, kHour, 1, 1));
  view.Checkpoint();
  view.Reopen(false);
  EXPECT_FALSE(view->enabled());
  EXPECT_EQ(view->passed_sequence(), UINT64_MAX) << "the log need not be kept for it";
  EXPECT_FALSE(view.Freeze());
  // The newest event lies in the next hour by now.
  view.Reopen(true, kStart + kNsPerHour + 5);
  EXPECT_EQ(view->complete_from(), kHour + 2);
  EXPECT_FALSE(view.Point({1}, kHour, kHour + 1).complete);
  EXPECT_FALSE(view.Point({1}, kHour + 1, kHour + 3).complete);
  EXPECT_TRUE(view.Point({1}, kHour + 2, kHour + 3).complete);
  view.Reopen(true, kStart + 50 * kNsPerHour);
  EXPECT_EQ(view->complete_from(), kHour + 2) << "it stays where it was";
}

TEST(DistinctViewTest, ADirectoryThatNeverHadTheViewIsCompleteFromNowOn) {
  ViewUnderTest view(false);
  view.Apply("");
  view.Reopen(true);
  EXPECT_EQ(view->complete_from(), kHour + 1);
  EXPECT_EQ(view->covered_sequence(), 1U);
}

TEST(DistinctViewTest, RetentionDropsHours) {
  ViewUnderTest view;
  view.Apply(Line(1, kHour, 1, 1) + Line(1, kHour + 1, 2, 2));
  view.Checkpoint();
  view.storage().Compact(Family::kDistinct);
  EXPECT_EQ(view.storage().CountKeys(Family::kDistinct), 2U);
  view.storage().retention()->hours = kHour + 1;
  view.storage().Compact(Family::kDistinct);
  EXPECT_EQ(view.storage().CountKeys(Family::kDistinct), 1U);
}

TEST(DistinctViewTest, ADamagedRowIsAnErrorAndNoCount) {
  ViewUnderTest view;
  view.Apply(Line(1, kHour, 1, 1));
  view.storage().Put(Family::kDistinct, DistinctKey{view.AdNumber(1), kHour}.Encode(), "junk");
  const uint32_t number = view.AdNumber(1);
  std::vector<DistinctPoint> points;
  EXPECT_EQ(view->Points(std::span(&number, 1), {kHour, kHour + 1}, 1, &points).code(), Code::kCorruption);
}

TEST(DistinctPositionTest, BytesStayAsTheyWereWritten) {
  const DistinctPosition position{0x0102030405060708, -5, false};
  EXPECT_EQ(ToHex(position.Encode()), "010807060504030201fbffffff00");
  DistinctPosition back;
  ASSERT_TRUE(back.Decode(position.Encode()));
  EXPECT_EQ(back, position);
  for (size_t cut = 0; cut < position.Encode().size(); ++cut)
    EXPECT_FALSE(back.Decode(position.Encode().substr(0, cut)));
  EXPECT_FALSE(back.Decode(position.Encode() + "x"));
}

}  // namespace
}  // namespace tallymark
