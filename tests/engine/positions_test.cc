// The small values that say how far things are: state of the log, position of the counters, names
// of their keys. They are stored, so their bytes are frozen here.

#include <gtest/gtest.h>

#include "engine/counter_position.h"
#include "engine/log_state.h"
#include "engine/meta_keys.h"
#include "engine/retention_record.h"
#include "engine/storage.h"
#include "tests/format/golden.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'609'459'200'000'000'000;

LogState ExampleState() { return {77, 123'456'789'012, kStart, 1'000'000}; }

TEST(LogStateTest, GoldenStatesReadAndWriteAsTheyDid) {
  auto golden = ReadGolden("positions_v1.txt");
  EXPECT_EQ(ToHex(LogState{}.Encode()), ToHex(golden["log_state_fresh"]));
  EXPECT_EQ(ToHex(ExampleState().Encode()), ToHex(golden["log_state"]));
  LogState read;
  ASSERT_TRUE(read.Decode(golden["log_state"]));
  EXPECT_EQ(read.last_sequence, 77U);
  EXPECT_EQ(read.events, 123'456'789'012U);
  EXPECT_EQ(read.newest_ns, kStart);
  EXPECT_EQ(read.ads, 1'000'000U);
}

TEST(LogStateTest, AFreshLogHasNoNewestEvent) {
  LogState read = ExampleState();
  ASSERT_TRUE(read.Decode(LogState{}.Encode()));
  EXPECT_EQ(read.newest_ns, INT64_MIN);
  EXPECT_EQ(read.last_sequence, 0U);
}

TEST(LogStateTest, CutLongerAndOtherVersionsAreRefused) {
  std::string bytes = ExampleState().Encode();
  LogState read;
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(read.Decode(std::string_view(bytes).substr(0, size)));
  EXPECT_FALSE(read.Decode(bytes + 'x'));
  bytes[0] = 2;
  EXPECT_FALSE(read.Decode(bytes));
}

TEST(CounterPositionTest, GoldenPositionsReadAndWriteAsTheyDid) {
  auto golden = ReadGolden("positions_v1.txt");
  EXPECT_EQ(ToHex(CounterPosition{77, 3}.Encode()), ToHex(golden["counter_position"]));
  CounterPosition read;
  ASSERT_TRUE(read.Decode(golden["counter_position"]));
  EXPECT_EQ(read.covered_sequence, 77U);
  EXPECT_EQ(read.generation, 3U);
}

TEST(CounterPositionTest, CutLongerAndOtherVersionsAreRefused) {
  std::string bytes = CounterPosition{77, 3}.Encode();
  CounterPosition read;
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(read.Decode(std::string_view(bytes).substr(0, size)));
  EXPECT_FALSE(read.Decode(bytes + 'x'));
  bytes[0] = 0;
  EXPECT_FALSE(read.Decode(bytes));
}

TEST(RetentionRecordTest, GoldenRecordsReadAndWriteAsTheyDid) {
  auto golden = ReadGolden("positions_v1.txt");
  EXPECT_EQ(ToHex(EncodeRetention(INT32_MIN, 447'072, -1)), ToHex(golden["retention"]));
  RetentionPositions read;
  ASSERT_TRUE(DecodeRetention(golden["retention"], &read));
  EXPECT_EQ(read.raw, INT32_MIN);
  EXPECT_EQ(read.minutes, 447'072);
  EXPECT_EQ(read.hours, -1);
}

TEST(RetentionRecordTest, ADamagedRecordIsRefusedAndMovesNothing) {
  const std::string bytes = EncodeRetention(1, 2, 3);
  RetentionPositions read;
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(DecodeRetention(std::string_view(bytes).substr(0, size), &read));
  EXPECT_FALSE(DecodeRetention(bytes + 'x', &read));
  EXPECT_EQ(read.raw, INT32_MIN);
}

TEST(MetaKeysTest, StoredNamesStayAsTheyWereWritten) {
  EXPECT_EQ(kFormatVersion, 5);
  EXPECT_EQ(kMetaFormatVersion, "format_version");
  EXPECT_EQ(kMetaLogState, "log_state");
  EXPECT_EQ(kMetaRetention, "retention");
  EXPECT_EQ(kPositionCounters, "counters");
  EXPECT_EQ(kPositionDistinct, "distinct");
  EXPECT_EQ(kPositionIdentities, "identities");
}

TEST(MetaKeysTest, ColumnFamiliesKeepTheirNames) {
  // A name a line, so that changes stay apart.
  // clang-format off
  const std::string_view names[] = {
      "default",
      "meta",
      "raw",
      "raw_hours",
      "packed",
      "positions",
      "counters",
      "identities",
      "ads",
      "top_minutes",
      "top_hours",
      "jobs",
      "filters",
      "imports",
      "distinct",
      "pending_conversions",
      "ad_owners",
      "ad_settings",
  };
  // clang-format on
  ASSERT_EQ(std::size(names), static_cast<size_t>(kFamilyCount));
  for (int i = 0; i < kFamilyCount; ++i)
    EXPECT_EQ(FamilyName(static_cast<Family>(i)), names[static_cast<size_t>(i)]);
}

}  // namespace
}  // namespace tallymark
