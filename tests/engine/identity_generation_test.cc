#include "engine/identity_generation.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

class IdentityGenerationTest : public ::testing::Test {
 protected:
  uint32_t Insert(const Hash128& id, int64_t time_ns) {
    LiveIdentity entry;
    entry.id = id;
    entry.time_ns = time_ns;
    return generation_.Insert(entry);
  }
  std::vector<int64_t> Times(const Hash128& id) const {
    std::vector<int64_t> times;
    EXPECT_FALSE(generation_.FindMatch(id, [&](const LiveIdentity& e) {
      times.push_back(e.time_ns);
      return false;
    }));
    std::sort(times.begin(), times.end());
    return times;
  }

  PiecePool pool_{IdentityGeneration::kPieceBytes};
  IdentityGeneration generation_{&pool_};
};

TEST_F(IdentityGenerationTest, AnEntryIsFoundByItsNumber) {
  constexpr uint64_t kSpread = 0x9E37'79B9'7F4A'7C15;
  std::vector<uint32_t> numbers;
  for (uint32_t i = 0; i < 100'000; ++i) numbers.push_back(Insert({i * kSpread, i}, i));
  EXPECT_EQ(generation_.size(), 100'000U);
  for (uint32_t i = 0; i < 100'000; ++i) {
    ASSERT_EQ(generation_.Get(numbers[i]).id, (Hash128{i * kSpread, i}));
    ASSERT_EQ(generation_.Get(numbers[i]).time_ns, i);
    ASSERT_EQ(generation_.Sequence(numbers[i]), IdentityGeneration::kUnderway | i) << "not durable yet";
  }
}

TEST_F(IdentityGenerationTest, EveryEntryIsVisitedOnceLaneByLane) {
  constexpr uint64_t kSpread = 0x9E37'79B9'7F4A'7C15;
  std::map<uint32_t, uint64_t> inserted;
  // Some lanes fill a piece exactly, some are empty.
  for (uint64_t i = 0; i < IdentityGeneration::kPerPiece; ++i)
    inserted[Insert({uint64_t{7} << 56 | i, i}, 0)] = i;
  for (uint64_t i = 0; i < 50'000; ++i) inserted[Insert({(i * kSpread) >> 2, i}, 0)] = i;
  uint64_t lane = 0;
  generation_.ForEach([&](uint32_t number, const LiveIdentity& entry) {
    const uint64_t at = IdentityGeneration::LaneOf(entry.id);
    ASSERT_GE(at, lane);
    lane = at;
    auto found = inserted.find(number);
    ASSERT_TRUE(found != inserted.end()) << "twice, or never inserted: " << number;
    ASSERT_EQ(entry.id.lo, found->second);
    inserted.erase(found);
  });
  EXPECT_TRUE(inserted.empty());
}

TEST_F(IdentityGenerationTest, EqualIdsStandSideBySide) {
  const Hash128 id{1, 2};
  Insert(id, 10);
  Insert({1, 3}, 11);
  Insert(id, 12);
  EXPECT_EQ(Times(id), (std::vector<int64_t>{10, 12}));
}

TEST_F(IdentityGenerationTest, TheSearchEndsAtTheFirstMatchTaken) {
  const Hash128 id{1, 2};
  Insert(id, 10);
  Insert(id, 12);
  int visited = 0;
  EXPECT_TRUE(generation_.FindMatch(id, [&](const LiveIdentity&) { return ++visited == 1; }));
  EXPECT_EQ(visited, 1);
  EXPECT_FALSE(generation_.FindMatch({9, 9}, [](const LiveIdentity&) { return true; }));
}

TEST_F(IdentityGenerationTest, IdsThatDifferInTheUpperHalfOnlyAreToldApart) {
  for (uint64_t i = 0; i < 1000; ++i) Insert({i, 42}, static_cast<int64_t>(i));
  for (uint64_t i = 0; i < 1000; ++i)
    ASSERT_EQ(Times({i, 42}), std::vector<int64_t>{static_cast<int64_t>(i)});
  EXPECT_TRUE(Times({1000, 42}).empty());
}

TEST_F(IdentityGenerationTest, AgreesWithAMapWhileItGrows) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  std::map<uint64_t, std::vector<int64_t>> model;
  auto id_of = [](uint64_t n) { return Hash128{n * 0x9E3779B97F4A7C15, (n + 1) * 0xBF58476D1CE4E5B9}; };
  for (int64_t i = 0; i < 200'000; ++i) {
    const uint64_t n = random() % 150'000;
    Insert(id_of(n), i);
    model[n].push_back(i);
    if (i % 7 == 0) {
      const uint64_t asked = random() % 150'000;
      const auto found = model.find(asked);
      ASSERT_EQ(Times(id_of(asked)), found == model.end() ? std::vector<int64_t>() : found->second)
          << "seed " << seed;
    }
  }
}

TEST_F(IdentityGenerationTest, SequencesMayBeSetBesideInsertions) {
  constexpr uint32_t kCount = 300'000;
  std::atomic<uint32_t> inserted{0};
  std::thread committer([&] {
    for (uint32_t done = 0; done < kCount;) {
      const uint32_t ready = inserted.load(std::memory_order_acquire);
      for (; done < ready; ++done) generation_.SetSequence(done, done + 1);
    }
  });
  for (uint32_t i = 0; i < kCount; ++i) {
    Insert({i, i * 0x9E3779B97F4A7C15ULL}, i);
    inserted.store(i + 1, std::memory_order_release);
  }
  committer.join();
  for (uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(generation_.Get(i).sequence, i + 1);
}

}  // namespace
}  // namespace tallymark
