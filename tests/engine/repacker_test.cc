#include "engine/repacker.h"

#include <algorithm>
#include <random>
#include <set>
#include <thread>

#include "engine/event_reader.h"
#include "format/time_units.h"
#include "tests/engine/test_log.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int32_t kHour = 447'072;  // 2021-01-01T00:00:00Z, the first hour of its day
constexpr int64_t kStart = kHour * kNsPerHour;

class RepackerTest : public ::testing::Test {
 protected:
  // `count` clicks from `time_ns` on, a nanosecond apart, over some ads.
  void Append(int64_t time_ns, int count, int ads = 5) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      lines += "click,ad_id=ad" + std::to_string(i % ads) + " event_id=\"" + std::to_string(events_++) +
               "\" " + std::to_string(time_ns + i) + "\n";
    }
    log_.Append(lines);
  }
  void Run(uint64_t passed, bool all = true) {
    Status status = repacker_.Run(passed, all, stop_);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  void RunAll() { Run(log_.last_sequence()); }
  size_t Log() const {
    EXPECT_EQ(storage_.CountKeys(Family::kRaw), storage_.CountKeys(Family::kRawHours));
    return storage_.CountKeys(Family::kRaw);
  }
  size_t Packed() const { return storage_.CountKeys(Family::kPacked); }

  // Every record of every ad, by the reader.
  std::multiset<std::string> Records() {
    std::multiset<std::string> records;
    EventReader reader(storage_.get(), &ads_);
    for (uint32_t ad = 0; ad < ads_.size(); ++ad) {
      std::string cursor;
      do {
        Result<EventPage> page = reader.Page(ad, INT64_MIN / 2, INT64_MAX / 2, 10'000, cursor);
        EXPECT_TRUE(page.ok()) << page.status().message();
        if (!page.ok()) return records;
        for (const RawEvent& e : page->events) {
          std::string text = std::to_string(e.time_ns);
          for (const auto& [name, value] : e.attributes)
            text.append("|").append(name).append("=").append(value);
          records.insert(text);
        }
        cursor = page->cursor.value_or("");
      } while (!cursor.empty());
    }
    return records;
  }

  TestStorage storage_;
  AdTable ads_;
  TestLog log_{storage_.get(), &ads_};
  Repacker repacker_{storage_.get(), 0};
  std::atomic<bool> stop_{false};
  int events_ = 0;
};

TEST_F(RepackerTest, SmallBlocksOfAnHourBecomeOneSortedByAd) {
  for (int i = 0; i < 30; ++i) Append(kStart + i * 1000, 20);
  const std::multiset<std::string> before = Records();
  ASSERT_EQ(before.size(), 600U);
  RunAll();
  EXPECT_EQ(Log(), 0U);
  ASSERT_EQ(Packed(), 1U);
  EXPECT_EQ(repacker_.blocks(), 30U);
  std::unique_ptr<rocksdb::Iterator> it(
      storage_.db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kPacked)));
  it->SeekToFirst();
  CountColumns columns;
  ASSERT_TRUE(DecodeCountColumns(ToView(it->value()), &columns).ok());
  EXPECT_EQ(columns.ads.size(), 600U);
  EXPECT_TRUE(std::is_sorted(columns.ads.begin(), columns.ads.end()));
  EXPECT_EQ(Records(), before);
}

TEST_F(RepackerTest, BlocksThatAViewHasNotPassedAreLeftAlone) {
  for (int i = 0; i < 6; ++i) Append(kStart + i * 1000, 10);
  Run(0);
  EXPECT_EQ(Log(), 6U);
  Run(4);
  EXPECT_EQ(Log(), 2U);
  EXPECT_TRUE(storage_->Get(Family::kRaw, RawKey{5}.Encode()).ok());
  EXPECT_EQ(Records().size(), 60U);
}

TEST_F(RepackerTest, FullBlocksAndLoneOnesStay) {
  Append(kStart, static_cast<int>(kRawBlockEventsMax));
  Append(kStart + kNsPerHour, 100);
  RunAll();
  EXPECT_EQ(Log(), 2U);
  EXPECT_EQ(Packed(), 0U);
}

TEST_F(RepackerTest, ABlockThatSpansHoursIsTakenApartByTheHour) {
  log_.Append("click,ad_id=a event_id=\"1\" " + std::to_string(kStart + 3 * kNsPerHour) +
              "\nclick,ad_id=a event_id=\"2\" " + std::to_string(kStart + 9 * kNsPerHour) + "\n");
  ASSERT_EQ(Log(), 1U);
  RunAll();
  EXPECT_EQ(Log(), 0U);
  EXPECT_EQ(Packed(), 2U);
  EXPECT_EQ(Records().size(), 2U);
}

TEST_F(RepackerTest, AnHourWaitsUntilItHasGoneQuiet) {
  Repacker patient(storage_.get(), 1e9);
  for (int i = 0; i < 3; ++i) Append(kStart + i * 1000, 10);
  ASSERT_TRUE(patient.Run(log_.last_sequence(), false, stop_).ok());
  EXPECT_EQ(Log(), 3U);
  Run(log_.last_sequence(), false);  // this one waits for nothing
  EXPECT_EQ(Log(), 0U);
}

TEST_F(RepackerTest, ManyEventsInSmallBlocksDoNotWait) {
  Repacker patient(storage_.get(), 1e9);
  // Blocks of 300 events, over a million of them, of one hour.
  std::string block = [&] {
    Append(kStart, 300);
    return *storage_->Get(Family::kRaw, RawKey{1}.Encode());
  }();
  const std::string entry = *storage_->Get(Family::kRawHours, HourKey{kHour, 1}.Encode());
  constexpr uint64_t kBlocks = (1U << 20) / 300 + 1;
  for (uint64_t n = 2; n <= kBlocks; ++n) {
    storage_.Put(Family::kRaw, RawKey{n}.Encode(), block);
    storage_.Put(Family::kRawHours, HourKey{kHour, n}.Encode(), entry);
  }
  ASSERT_TRUE(patient.Run(kBlocks, false, stop_).ok());
  EXPECT_EQ(Log(), 0U);
  EXPECT_EQ(patient.blocks(), kBlocks);
}

TEST_F(RepackerTest, WhatWasPackedSmallIsPackedAnewWithNewcomers) {
  for (int round = 0; round < 10; ++round) {
    Append(kStart + round * 2000, 10);
    Append(kStart + round * 2000 + 1000, 10);
    RunAll();
    EXPECT_EQ(Packed(), 1U) << round;
    EXPECT_EQ(Records().size(), static_cast<size_t>(20 * (round + 1)));
  }
}

TEST_F(RepackerTest, PackedBlocksOfDifferentRunsNeverTakeOneAnothersPlace) {
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 20; ++i) Append(kStart + round * 100'000 + i * 1000, 900);
    RunAll();
    EXPECT_EQ(Records().size(), static_cast<size_t>(18'000 * (round + 1)));
  }
  EXPECT_EQ(Log(), 0U);
  EXPECT_LE(Packed(), 14U) << "mostly full blocks: 72,000 events";
}

TEST_F(RepackerTest, AStopEndsItBetweenSteps) {
  for (int i = 0; i < 4; ++i) Append(kStart + i * 1000, 10);
  stop_ = true;
  RunAll();
  EXPECT_EQ(Log(), 4U);
  stop_ = false;
  RunAll();
  EXPECT_EQ(Log(), 0U);
}

TEST_F(RepackerTest, ADamagedBlockStopsItAndNothingIsLost) {
  for (int i = 0; i < 3; ++i) Append(kStart + i * 1000, 10);
  std::string block = *storage_->Get(Family::kRaw, RawKey{2}.Encode());
  block[block.size() / 2] = static_cast<char>(block[block.size() / 2] ^ 1);
  storage_.Put(Family::kRaw, RawKey{2}.Encode(), block);
  Status status = repacker_.Run(3, true, stop_);
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_NE(status.message().find("raw block 2"), std::string::npos) << status.message();
  EXPECT_EQ(Log(), 3U);
  EXPECT_EQ(Packed(), 0U);
}

TEST_F(RepackerTest, ReadersBesideItSeeEveryEventOnce) {
  Append(kStart, 100, 1);
  std::atomic<bool> done{false};
  std::atomic<uint64_t> written{100};
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      EventReader reader(storage_.get(), &ads_);
      while (!done.load()) {
        const uint64_t before = written.load();
        Result<EventPage> page = reader.Page(0, kStart, kStart + kNsPerHour, 10'000, "");
        ASSERT_TRUE(page.ok()) << page.status().message();
        std::set<int64_t> times;
        for (const RawEvent& e : page->events) times.insert(e.time_ns);
        ASSERT_EQ(times.size(), page->events.size()) << "none twice";
        ASSERT_GE(times.size(), before) << "none missing";
      }
    });
  }
  for (int i = 1; i <= 60; ++i) {
    Append(kStart + i * 1000, 30, 1);
    written.fetch_add(30);
    if (i % 2 == 0) RunAll();
  }
  done = true;
  for (std::thread& t : readers) t.join();
}

TEST_F(RepackerTest, AnyLogKeepsItsRecords) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 25; ++round) {
    for (uint64_t i = random() % 8; i > 0; --i) {
      std::string lines;
      const uint64_t hours = random() % 2 == 0 ? 1 : 100;
      for (uint64_t k = 1 + random() % (random() % 4 == 0 ? 3000 : 60); k > 0; --k) {
        lines += "click,ad_id=ad" + std::to_string(random() % 20) + ",x=" + std::to_string(random() % 9) +
                 " event_id=\"" + std::to_string(events_++) + "\" " +
                 std::to_string(kStart + static_cast<int64_t>(random() % (hours * 3600)) * kNsPerSecond) +
                 "\n";
      }
      log_.Append(lines);
    }
    const std::multiset<std::string> before = Records();
    ASSERT_EQ(before.size(), static_cast<size_t>(events_));
    Run(log_.last_sequence() * (random() % 101) / 100, random() % 2 == 0);
    ASSERT_TRUE(Records() == before) << "seed " << seed;
  }
}

}  // namespace
}  // namespace tallymark
