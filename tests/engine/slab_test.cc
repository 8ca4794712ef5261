#include "engine/slab.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <thread>
#include <utility>

#include "engine/large_pool.h"

namespace tallymark {
namespace {

TEST(SlabTest, MemoryIsZeroAndItsSizeIsWhatWasAskedFor) {
  Slab slab(size_t{3} << 20);
  ASSERT_EQ(slab.size(), size_t{3} << 20);
  EXPECT_TRUE(std::all_of(slab.data(), slab.data() + slab.size(), [](char c) { return c == 0; }));
}

TEST(SlabTest, MemoryIsZeroThoughSomeoneUsedItBefore) {
  constexpr size_t kBytes = (size_t{7} << 20) + 12'345;
  {
    const Slab former = Slab::Unclean(kBytes);
    std::memset(former.data(), 0xA5, kBytes);
  }
  const size_t idle = LargePool::OfProcess().idle_bytes();
  const Slab slab(kBytes);
  EXPECT_LT(LargePool::OfProcess().idle_bytes(), idle);  // it is that memory
  EXPECT_TRUE(std::all_of(slab.data(), slab.data() + kBytes, [](char c) { return c == 0; }));
}

TEST(SlabTest, AMovedFromSlabIsEmptyAndTheOtherHasTheBytes) {
  Slab first(4096);
  first.data()[7] = 'x';
  char* bytes = first.data();
  Slab second(std::move(first));
  EXPECT_EQ(first.data(), nullptr);  // NOLINT(bugprone-use-after-move): what it promises
  EXPECT_EQ(first.size(), 0U);
  EXPECT_EQ(second.data(), bytes);
  EXPECT_EQ(second.data()[7], 'x');
  Slab third;
  third = std::move(second);
  EXPECT_EQ(third.data(), bytes);
}

TEST(PiecePoolTest, PiecesDoNotOverlapAndAreWhollyUsable) {
  constexpr size_t kPiece = 100'000;  // does not divide a slab
  PiecePool pool(kPiece);
  std::vector<char*> pieces;
  for (int i = 0; i < 200; ++i) {
    pieces.push_back(pool.Take());
    std::memset(pieces.back(), i, kPiece);
  }
  for (int i = 0; i < 200; ++i) {
    const char* piece = pieces[static_cast<size_t>(i)];
    ASSERT_TRUE(std::all_of(piece, piece + kPiece, [&](char c) { return c == static_cast<char>(i); })) << i;
  }
}

TEST(PiecePoolTest, APieceLargerThanASlabIsOneSlab) {
  constexpr size_t kPiece = size_t{20} << 20;
  PiecePool pool(kPiece);
  char* piece = pool.Take();
  piece[0] = piece[kPiece - 1] = 1;
  EXPECT_NE(pool.Take(), piece);
}

TEST(PiecePoolTest, WhatIsGivenBackIsTakenAgainAsItWasLeft) {
  PiecePool pool(4096);
  char* piece = pool.Take();
  piece[5] = 'y';
  pool.Give(piece);
  char* again = pool.Take();
  EXPECT_EQ(again, piece);
  EXPECT_EQ(again[5], 'y');
  EXPECT_NE(pool.Take(), piece);
}

TEST(PiecePoolTest, ThreadsNeverHoldTheSamePiece) {
  PiecePool pool(sizeof(uint64_t));
  std::vector<std::thread> threads;
  for (uint64_t t = 1; t <= 4; ++t) {
    threads.emplace_back([&pool, t] {
      for (uint64_t i = 0; i < 20'000; ++i) {
        char* piece = pool.Take();
        const uint64_t mine = t << 32 | i;
        std::memcpy(piece, &mine, sizeof mine);
        uint64_t read = 0;
        std::memcpy(&read, piece, sizeof read);
        ASSERT_EQ(read, mine);
        pool.Give(piece);
      }
    });
  }
  for (std::thread& t : threads) t.join();
}

}  // namespace
}  // namespace tallymark
