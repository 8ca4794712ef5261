#include "engine/distinct_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>

#include "engine/large_pool.h"
#include "tests/engine/test_events.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'609'459'200LL * kNsPerSecond;  // 2021-01-01T00:00:00Z
constexpr int32_t kHour = HourOf(kStart);

using GroupKey = std::pair<uint32_t, int32_t>;
using Sets = std::map<GroupKey, std::pair<std::multiset<DistinctElement>, std::multiset<DistinctElement>>>;

Sets SetsOf(const DistinctRun& run) {
  Sets sets;
  for (size_t i = 0; i < run.size(); ++i) {
    auto& [users, ips] = sets[{run.group(i).ad, run.group(i).hour}];
    for (const DistinctElement& e : run.users(i)) users.insert(e);
    for (const DistinctElement& e : run.ips(i)) ips.insert(e);
  }
  return sets;
}

// Random lines and the rows they make, as a batch has them.
struct Lines {
  Lines(std::mt19937_64& random, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) {
      text += "click,ad_id=ad" + std::to_string(random() % 20) + " event_id=\"" + std::to_string(i) + "\"";
      if (random() % 4 != 0) text += ",user_id=\"u" + std::to_string(random() % 30) + "\"";
      if (random() % 4 != 0) text += ",ip=\"10.0.0." + std::to_string(random() % 30) + "\"";
      text += " " + std::to_string(kStart + static_cast<int64_t>(random() % 5) * kNsPerHour) + "\n";
    }
    chunk = ParseLines(text);
    for (const Event& e : chunk->events) {
      const auto ad = static_cast<uint32_t>(std::stoul(std::string(chunk->Get(e, Field::kAdId)).substr(2)));
      rows.push_back({ad, HourOf(e.time_ns), e.user, e.address});
    }
  }
  Sets Expected() const {
    Sets sets;
    for (size_t i = 0; i < rows.size(); ++i) {
      const std::string_view user = chunk->Get(chunk->events[i], Field::kUserId);
      const std::string_view ip = chunk->Get(chunk->events[i], Field::kIp);
      if (user.empty() && ip.empty()) continue;
      auto& [users, ips] = sets[{rows[i].ad, rows[i].hour}];
      if (!user.empty()) users.insert(UserElement(user));
      if (!ip.empty()) ips.insert(AddressElement(ip));
    }
    return sets;
  }

  std::shared_ptr<const EventChunk> chunk;
  std::vector<PeopleRow> rows;  // by event
};

TEST(DistinctRunTest, ARunHoldsTheRowsPeopleByAdAndHour) {
  std::mt19937_64 random(TestSeed());
  DistinctRunBuilder builder(std::make_shared<RunMemory>());
  for (size_t count : {1U, 2U, 50U, 6'000U, 20'000U}) {
    const Lines lines(random, count);
    auto run = builder.FromRows(lines.rows);
    const Sets expected = lines.Expected();
    if (expected.empty()) {
      EXPECT_EQ(run, nullptr);
      continue;
    }
    EXPECT_EQ(SetsOf(*run), expected);
    for (size_t i = 1; i < run->size(); ++i) {
      EXPECT_LT(GroupKey(run->group(i - 1).ad, run->group(i - 1).hour),
                GroupKey(run->group(i).ad, run->group(i).hour));
    }
  }
}

TEST(DistinctRunTest, MergingKeepsEveryElement) {
  std::mt19937_64 random(TestSeed());
  DistinctRunBuilder builder(std::make_shared<RunMemory>());
  const Lines a(random, 3'000);
  const Lines b(random, 200);
  auto merged = builder.Merge(*builder.FromRows(a.rows), *builder.FromRows(b.rows));
  Sets expected = a.Expected();
  for (auto& [key, sets] : b.Expected()) {
    expected[key].first.merge(sets.first);
    expected[key].second.merge(sets.second);
  }
  EXPECT_EQ(SetsOf(*merged), expected);
}

TEST(DistinctRunTest, LowerBoundFindsTheFirstGroupAtOrAfter) {
  std::mt19937_64 random(TestSeed());
  DistinctRunBuilder builder(std::make_shared<RunMemory>());
  const Lines lines(random, 500);
  auto run = builder.FromRows(lines.rows);
  for (uint32_t ad = 0; ad < 22; ++ad) {
    for (int32_t hour = kHour - 1; hour < kHour + 7; ++hour) {
      size_t expected = 0;
      while (expected < run->size() &&
             GroupKey(run->group(expected).ad, run->group(expected).hour) < GroupKey(ad, hour)) {
        ++expected;
      }
      EXPECT_EQ(run->LowerBound(ad, hour), expected);
    }
  }
}

TEST(DistinctRunTest, EventsWithoutPeopleMakeNoRun) {
  DistinctRunBuilder builder(std::make_shared<RunMemory>());
  const std::vector<PeopleRow> rows = {{0, kHour, kNoElement, kNoElement}};
  EXPECT_EQ(builder.FromRows(rows), nullptr);
  EXPECT_EQ(builder.FromRows({}), nullptr);
}

TEST(RunMemoryTest, PiecesStandOneAfterAnother) {
  auto memory = std::make_shared<RunMemory>();
  const auto first = memory->Take(100'000);
  const auto second = memory->Take(90'000);
  EXPECT_GE(second.get(), first.get() + 100'000);
  EXPECT_LT(second.get(), first.get() + RunMemory::kSlabBytes);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(second.get()) % 64, 0U);
}

TEST(RunMemoryTest, NoPieceReachesOverTheEndOfItsSlab) {
  auto memory = std::make_shared<RunMemory>();
  const auto first = memory->Take(RunMemory::kSlabBytes / 2 + 1);
  const auto second = memory->Take(RunMemory::kSlabBytes / 2);  // no room: another slab
  const auto great = memory->Take(3 * RunMemory::kSlabBytes);   // one of its own
  std::memset(first.get(), 1, RunMemory::kSlabBytes / 2 + 1);
  std::memset(second.get(), 2, RunMemory::kSlabBytes / 2);
  std::memset(great.get(), 3, 3 * RunMemory::kSlabBytes);
  EXPECT_EQ(first.get()[RunMemory::kSlabBytes / 2], 1);
  EXPECT_EQ(second.get()[0], 2);
  EXPECT_EQ(second.get()[RunMemory::kSlabBytes / 2 - 1], 2);
}

TEST(RunMemoryTest, ASlabGoesBackWithTheLastPieceInIt) {
  LargePool& pool = LargePool::OfProcess();
  auto memory = std::make_shared<RunMemory>();
  auto first = memory->Take(RunMemory::kSlabBytes / 2);
  auto second = memory->Take(RunMemory::kSlabBytes / 2);
  const auto third = memory->Take(RunMemory::kSlabBytes);
  const size_t idle = pool.idle_bytes();
  first.reset();
  EXPECT_EQ(pool.idle_bytes(), idle);
  second.reset();
  EXPECT_EQ(pool.idle_bytes(), idle + RunMemory::kSlabBytes);
}

TEST(RunMemoryTest, WhatIsLentOutlivesTheMemory) {
  auto memory = std::make_shared<RunMemory>();
  const auto piece = memory->Take(100'000);
  memory.reset();
  piece.get()[99'999] = 1;
  EXPECT_EQ(piece.get()[99'999], 1);
}

}  // namespace
}  // namespace tallymark
