#include "engine/large_pool.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr size_t kPage = LargePool::kPageBytes;

bool AllBytesAre(const char* data, size_t size, char byte) {
  return std::all_of(data, data + size, [byte](char c) { return c == byte; });
}

TEST(LargePoolTest, FreshMemoryIsZeroAndBeginsWithAPage) {
  LargePool pool;
  const LargePool::Range range = pool.Take(3 * kPage);
  EXPECT_EQ(range.used, 0U);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(range.data) % kPage, 0U);
  EXPECT_TRUE(AllBytesAre(range.data, 3 * kPage, 0));
  pool.Give(range.data, 3 * kPage);
}

TEST(LargePoolTest, ARangeThatIsLongEnoughIsTakenAgainAsItWasLeft) {
  LargePool pool;
  char* const data = pool.Take(4 * kPage).data;
  std::memset(data, 'x', 4 * kPage);
  pool.Give(data, 4 * kPage);
  const LargePool::Range head = pool.Take(kPage);
  const LargePool::Range tail = pool.Take(3 * kPage);
  EXPECT_EQ(head.data, data);
  EXPECT_EQ(head.used, kPage);
  EXPECT_EQ(tail.data, data + kPage);
  EXPECT_EQ(tail.used, 3 * kPage);
  EXPECT_TRUE(AllBytesAre(data, 4 * kPage, 'x'));
  EXPECT_EQ(pool.idle_bytes(), 0U);
  pool.Give(head.data, kPage);
  pool.Give(tail.data, 3 * kPage);
}

TEST(LargePoolTest, TheShortestRangeThatIsLongEnoughIsTaken) {
  LargePool pool;
  char* const data = pool.Take(9 * kPage).data;
  pool.Give(data, 5 * kPage);
  pool.Give(data + 6 * kPage, 2 * kPage);  // a page between is still lent
  EXPECT_EQ(pool.Take(2 * kPage).data, data + 6 * kPage);
}

TEST(LargePoolTest, NeighboursGrowTogether) {
  LargePool pool;
  char* const data = pool.Take(3 * kPage).data;
  pool.Give(data, kPage);
  pool.Give(data + 2 * kPage, kPage);
  pool.Give(data + kPage, kPage);
  EXPECT_EQ(pool.Take(3 * kPage).data, data);
}

TEST(LargePoolTest, PagesOfSeveralRangesAreMovedTogetherAndTheRestIsFresh) {
  LargePool pool;
  char* const data = pool.Take(5 * kPage).data;
  std::memset(data, 'y', 5 * kPage);
  for (size_t i : {0, 2, 4}) pool.Give(data + i * kPage, kPage);
  const LargePool::Range range = pool.Take(4 * kPage);
  EXPECT_EQ(range.used, 3 * kPage);
  EXPECT_EQ(pool.idle_bytes(), 0U);
  EXPECT_TRUE(AllBytesAre(range.data, 3 * kPage, 'y'));
  EXPECT_TRUE(AllBytesAre(range.data + 3 * kPage, kPage, 0));
  EXPECT_TRUE(AllBytesAre(data + kPage, kPage, 'y'));  // what was lent is where it was
  EXPECT_TRUE(AllBytesAre(data + 3 * kPage, kPage, 'y'));
}

// A move that fails may have unmapped the place that it was to fill.
TEST(LargePoolTest, WhereAPageCannotBeMovedAFreshOneStands) {
  LargePool pool;
  char* const data = pool.Take(4 * kPage).data;
  std::memset(data, 'z', 4 * kPage);
  constexpr long kMseal = 462;  // of Linux 6.10: what is sealed cannot be moved
  if (::syscall(kMseal, data, kPage, 0) != 0) GTEST_SKIP() << "SKIPPED: this kernel has no mseal";
  pool.Give(data, kPage);
  pool.Give(data + 2 * kPage, kPage);
  const LargePool::Range range = pool.Take(3 * kPage);
  EXPECT_EQ(range.used, kPage);
  EXPECT_TRUE(AllBytesAre(range.data, kPage, 'z'));
  EXPECT_TRUE(AllBytesAre(range.data + kPage, 2 * kPage, 0));
  EXPECT_EQ(pool.idle_bytes(), kPage);
}

TEST(LargePoolTest, TrimLetsGoWhatWasIdleEverSinceTheLastOne) {
  LargePool pool;
  char* const data = pool.Take(6 * kPage).data;
  pool.Give(data, 6 * kPage);
  pool.Trim();  // some of the time nothing was idle
  EXPECT_EQ(pool.idle_bytes(), 6 * kPage);
  char* const busy = pool.Take(2 * kPage).data;
  pool.Give(busy, 2 * kPage);
  pool.Trim();  // four pages were not asked for
  EXPECT_EQ(pool.idle_bytes(), 2 * kPage);
  pool.Trim();
  EXPECT_EQ(pool.idle_bytes(), 0U);
}

// Ranges of all lengths come and go; each is written every 4 KiB and keeps that until it goes.
TEST(LargePoolTest, RangesNeverOverlap) {
  struct Lent {
    char* data;
    size_t size;
    uint64_t mark;
  };
  std::mt19937_64 random(TestSeed());
  LargePool pool;
  std::deque<Lent> lent;
  size_t bytes = 0;
  for (uint64_t round = 1; round <= 2'000; ++round) {
    if (bytes < 64 * kPage && random() % 8 != 0) {
      const size_t size = (1 + random() % 12) * kPage;
      const LargePool::Range range = pool.Take(size);
      ASSERT_LE(range.used, size);
      for (size_t at = 0; at < size; at += 4096) {
        ASSERT_TRUE(at < range.used || range.data[at] == 0) << at;
        std::memcpy(range.data + at, &round, sizeof round);
      }
      lent.push_back({range.data, size, round});
      bytes += size;
      continue;
    }
    if (lent.empty()) continue;
    std::swap(lent[random() % lent.size()], lent.front());
    const Lent gone = lent.front();
    lent.pop_front();
    bytes -= gone.size;
    for (size_t at = 0; at < gone.size; at += 4096) {
      uint64_t found = 0;
      std::memcpy(&found, gone.data + at, sizeof found);
      ASSERT_EQ(found, gone.mark);
    }
    pool.Give(gone.data, gone.size);
    if (random() % 64 == 0) pool.Trim();
  }
  for (const Lent& left : lent) pool.Give(left.data, left.size);
}

TEST(LargePoolTest, ThreadsNeverHoldTheSamePage) {
  LargePool pool;
  std::vector<std::thread> threads;
  for (uint64_t t = 1; t <= 4; ++t) {
    threads.emplace_back([&pool, t] {
      for (uint64_t i = 0; i < 300; ++i) {
        const size_t size = (1 + (t * 7 + i) % 5) * kPage;
        const LargePool::Range range = pool.Take(size);
        const uint64_t mine = t << 32 | i;
        for (size_t at = 0; at < size; at += kPage) std::memcpy(range.data + at, &mine, sizeof mine);
        for (size_t at = 0; at < size; at += kPage) {
          uint64_t read = 0;
          std::memcpy(&read, range.data + at, sizeof read);
          ASSERT_EQ(read, mine);
        }
        pool.Give(range.data, size);
        if (i % 50 == 0) pool.Trim();
      }
    });
  }
  for (std::thread& t : threads) t.join();
}

}  // namespace
}  // namespace tallymark
