#include "format/block_index.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>

#include "format/time_units.h"
#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'609'459'200LL * kNsPerSecond;  // 2021-01-01T00:00:00Z

bool Same(const BlockIndexEntry& a, const BlockIndexEntry& b) {
  return a.info.count == b.info.count && a.info.time_min_ns == b.info.time_min_ns &&
         a.info.time_max_ns == b.info.time_max_ns && a.info.ad_min == b.info.ad_min &&
         a.info.ad_max == b.info.ad_max && a.spans_hours == b.spans_hours;
}

TEST(BlockIndexTest, GoldenRecordsReadAndWriteAsTheyDid) {
  const std::map<std::string, BlockIndexEntry> cases = {
      {"one_hour", {{8192, kStart + 1, kStart + kNsPerHour - 1, 0, 999'999}, false}},
      {"spans_hours", {{3, kStart, kStart + kNsPerDay - 1, 7, 7}, true}},
      {"before_1970", {{1, -2, -1, 5, std::numeric_limits<uint32_t>::max()}, false}},
  };
  auto golden = ReadGolden("block_index_v1.txt");
  ASSERT_EQ(golden.size(), cases.size());
  for (const auto& [name, entry] : cases) {
    EXPECT_EQ(ToHex(EncodeBlockIndex(entry)), ToHex(golden[name])) << name;
    BlockIndexEntry read;
    ASSERT_TRUE(DecodeBlockIndex(golden[name], &read)) << name;
    EXPECT_TRUE(Same(read, entry)) << name;
  }
}

TEST(BlockIndexTest, EveryRecordComesBackAndTakes30Bytes) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 10'000; ++i) {
    BlockIndexEntry entry;
    entry.info = {static_cast<uint32_t>(random()), static_cast<int64_t>(random()),
                  static_cast<int64_t>(random()), static_cast<uint32_t>(random()),
                  static_cast<uint32_t>(random())};
    entry.spans_hours = random() % 2 == 0;
    std::string bytes = EncodeBlockIndex(entry);
    EXPECT_EQ(bytes.size(), 30U);
    BlockIndexEntry read;
    ASSERT_TRUE(DecodeBlockIndex(bytes, &read));
    EXPECT_TRUE(Same(read, entry));
  }
}

TEST(BlockIndexTest, ARecordCutOrTooLongIsRefused) {
  std::string bytes = EncodeBlockIndex({{1, 2, 3, 4, 5}, true});
  BlockIndexEntry read;
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeBlockIndex(std::string_view(bytes).substr(0, size), &read)) << size;
  }
  EXPECT_FALSE(DecodeBlockIndex(bytes + '\0', &read));
}

TEST(BlockIndexTest, OtherVersionsAreRefused) {
  std::string bytes = EncodeBlockIndex({});
  BlockIndexEntry read;
  for (int version = 0; version < 256; ++version) {
    bytes[0] = static_cast<char>(version);
    EXPECT_EQ(DecodeBlockIndex(bytes, &read), version == 1) << version;
  }
}

TEST(BlockIndexTest, UnknownFlagsAreRefused) {
  std::string bytes = EncodeBlockIndex({});
  BlockIndexEntry read;
  for (int flags = 0; flags < 256; ++flags) {
    bytes[1] = static_cast<char>(flags);
    ASSERT_EQ(DecodeBlockIndex(bytes, &read), flags <= 1) << flags;
    if (flags <= 1) {
      EXPECT_EQ(read.spans_hours, flags == 1);
    }
  }
}

}  // namespace
}  // namespace tallymark
