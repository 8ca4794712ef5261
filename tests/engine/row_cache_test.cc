#include "engine/row_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace tallymark {
namespace {

std::string KeyOf(int number) {
  std::string key = std::to_string(number);
  return std::string(12 - key.size(), '0') + key;
}

TEST(RowCacheTest, WhatWasPutIsFoundUntilAllIsForgotten) {
  RowCache cache(1 << 20);
  EXPECT_FALSE(cache.Find(KeyOf(1)));
  cache.Put(KeyOf(1), "row");
  {
    const RowCache::Found found = cache.Find(KeyOf(1));
    ASSERT_TRUE(found);
    EXPECT_EQ(found.row(), "row");
  }
  EXPECT_FALSE(cache.Find(KeyOf(2)));
  cache.ForgetAll();
  EXPECT_FALSE(cache.Find(KeyOf(1)));
  cache.Put(KeyOf(1), "its successor");
  ASSERT_TRUE(cache.Find(KeyOf(1)));
  EXPECT_EQ(cache.Find(KeyOf(1)).row(), "its successor");
}

TEST(RowCacheTest, AnAbsentRowIsKnownToBeAbsent) {
  RowCache cache(1 << 20);
  cache.Put(KeyOf(7), "");
  const RowCache::Found found = cache.Find(KeyOf(7));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found.row().empty());
}

TEST(RowCacheTest, OldRowsMakeRoomAndOneInUseStays) {
  constexpr size_t kBytes = 1 << 20;
  const std::string row(1000, 'r');
  RowCache cache(kBytes);
  cache.Put(KeyOf(0), row);
  const RowCache::Found held = cache.Find(KeyOf(0));
  ASSERT_TRUE(held);
  const int count = 4 * kBytes / 1000;
  for (int i = 1; i <= count; ++i) cache.Put(KeyOf(i), row);
  int kept = 0;
  for (int i = 1; i <= count; ++i) {
    if (cache.Find(KeyOf(i))) ++kept;
  }
  EXPECT_GT(kept, count / 10);
  EXPECT_LE(kept, count / 4);
  EXPECT_TRUE(cache.Find(KeyOf(count)));
  EXPECT_EQ(held.row(), row);
}

}  // namespace
}  // namespace tallymark
