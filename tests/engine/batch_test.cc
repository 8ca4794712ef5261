#include "engine/batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "tests/engine/test_batches.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int32_t kHour = 447'072;  // 2021-01-01T00:00:00Z, so the first of its day
constexpr int64_t kStart = kHour * kNsPerHour;

void Encode(TestBatch* test) {
  BatchEncoder encoder;
  encoder.Encode(&test->batch);
}

std::vector<TestEvent> InHour(int32_t hour, size_t count, uint32_t ads = 1) {
  std::vector<TestEvent> events;
  for (size_t i = 0; i < count; ++i)
    events.push_back({static_cast<uint32_t>(i) % ads, hour * kNsPerHour + static_cast<int64_t>(i)});
  return events;
}

std::vector<TestEvent> operator+(std::vector<TestEvent> a, const std::vector<TestEvent>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Every block decodes, says of itself what it holds, and holds the rows it names.
void ExpectConsistent(const TestBatch& test, const std::vector<TestEvent>& events) {
  std::vector<std::tuple<uint32_t, int64_t, EventKind, int64_t>> stored;
  size_t next_row = 0;
  for (const BatchBlock& block : test.batch.blocks) {
    ASSERT_EQ(block.first_row, next_row);
    next_row += block.info.count;
    ASSERT_LE(block.info.count, kRawBlockEventsMax);
    CountColumns columns;
    ASSERT_TRUE(DecodeCountColumns(block.bytes, &columns).ok());
    ASSERT_EQ(columns.ads.size(), block.info.count);
    EXPECT_TRUE(std::is_sorted(columns.ads.begin(), columns.ads.end()));
    EXPECT_EQ(columns.ads.front(), block.info.ad_min);
    EXPECT_EQ(columns.ads.back(), block.info.ad_max);
    const auto [min, max] = std::minmax_element(columns.times_ns.begin(), columns.times_ns.end());
    EXPECT_EQ(*min, block.info.time_min_ns);
    EXPECT_EQ(*max, block.info.time_max_ns);
    for (size_t i = 0; i < columns.ads.size(); ++i) {
      const BatchRow& row = test.batch.rows[block.first_row + i];
      ASSERT_EQ(row.ref.ad, columns.ads[i]);
      ASSERT_EQ(row.ref.event->time_ns, columns.times_ns[i]);
      const int32_t hour = HourOf(columns.times_ns[i]);
      ASSERT_EQ(row.hour, hour);
      ASSERT_EQ(block.index_hour, block.spans_hours ? DayOfHour(hour) * kHoursPerDay : hour);
      stored.emplace_back(columns.ads[i], columns.times_ns[i], columns.kinds[i], columns.revenue_micros[i]);
    }
  }
  ASSERT_EQ(next_row, test.batch.rows.size());
  ASSERT_EQ(test.batch.counted.size(), test.batch.rows.size());
  for (size_t i = 0; i < test.batch.counted.size(); ++i) {
    const Event& event = *test.batch.rows[i].ref.event;
    const CountedEvent& counted = test.batch.counted[i];
    ASSERT_EQ(counted.ad, test.batch.rows[i].ref.ad);
    ASSERT_EQ(counted.minute, MinuteOf(event.time_ns));
    ASSERT_EQ(counted.kind, event.kind);
    ASSERT_EQ(counted.revenue, event.revenue_micros);
  }
  std::vector<std::tuple<uint32_t, int64_t, EventKind, int64_t>> given;
  for (const TestEvent& e : events) given.emplace_back(e.ad, e.time_ns, e.kind, e.revenue_micros);
  std::sort(stored.begin(), stored.end());
  std::sort(given.begin(), given.end());
  EXPECT_EQ(stored, given);
}

TEST(BatchEncoderTest, NoRowsMakeNoBlocks) {
  TestBatch test({});
  Encode(&test);
  EXPECT_TRUE(test.batch.blocks.empty());
}

TEST(BatchEncoderTest, OneEventMakesOneBlockOfItsHour) {
  const std::vector<TestEvent> events = {{5, kStart + 90 * kNsPerMinute}};
  TestBatch test(events);
  Encode(&test);
  ASSERT_EQ(test.batch.blocks.size(), 1U);
  EXPECT_EQ(test.batch.blocks[0].index_hour, kHour + 1);
  EXPECT_FALSE(test.batch.blocks[0].spans_hours);
  ExpectConsistent(test, events);
}

TEST(BatchEncoderTest, RowsThatNameAnOwnerAreListed) {
  TestBatch test(InHour(kHour, 5));
  test.chunk.Set(test.chunk.events[1], Field::kCampaignId, 0, 1);
  test.chunk.Set(test.chunk.events[4], Field::kAdvertiserId, 0, 1);
  test.chunk.Set(test.chunk.events[3], Field::kCountry, 0, 1);
  test.chunk.text = "x";
  Encode(&test);
  EXPECT_EQ(test.batch.owner_rows, (std::vector<uint32_t>{1, 4}));
}

TEST(BatchEncoderTest, HoursWithManyEventsHaveBlocksOfTheirOwn) {
  const auto events = InHour(kHour + 1, 64) + InHour(kHour, 64);
  TestBatch test(events);
  Encode(&test);
  ASSERT_EQ(test.batch.blocks.size(), 2U);
  EXPECT_EQ(test.batch.blocks[0].index_hour, kHour);
  EXPECT_EQ(test.batch.blocks[1].index_hour, kHour + 1);
  ExpectConsistent(test, events);
}

TEST(BatchEncoderTest, ThinHoursOfADayShareABlockUnderItsFirstHour) {
  const auto events = InHour(kHour + 5, 3) + InHour(kHour + 20, 3) + InHour(kHour + 7, 3);
  TestBatch test(events);
  Encode(&test);
  ASSERT_EQ(test.batch.blocks.size(), 1U);
  EXPECT_TRUE(test.batch.blocks[0].spans_hours);
  EXPECT_EQ(test.batch.blocks[0].index_hour, kHour);
  ExpectConsistent(test, events);
}

TEST(BatchEncoderTest, DaysAreNeverMixed) {
  const auto events = InHour(kHour + 23, 2) + InHour(kHour + 24, 2) + InHour(kHour - 1, 2);
  TestBatch test(events);
  Encode(&test);
  EXPECT_EQ(test.batch.blocks.size(), 3U);
  for (const BatchBlock& block : test.batch.blocks) EXPECT_FALSE(block.spans_hours);
  ExpectConsistent(test, events);
}

TEST(BatchEncoderTest, DaysBefore1970AreWholeToo) {
  const auto events = InHour(-1, 2) + InHour(-24, 2) + InHour(-25, 2) + InHour(0, 2);
  TestBatch test(events);
  Encode(&test);
  ASSERT_EQ(test.batch.blocks.size(), 3U);
  EXPECT_EQ(test.batch.blocks[1].index_hour, -24);
  EXPECT_TRUE(test.batch.blocks[1].spans_hours);
  ExpectConsistent(test, events);
}

TEST(BatchEncoderTest, AThinHourBesideAFullOneStaysAlone) {
  const auto events = InHour(kHour, 500) + InHour(kHour + 1, 5) + InHour(kHour + 2, 500);
  TestBatch test(events);
  Encode(&test);
  EXPECT_EQ(test.batch.blocks.size(), 3U);
  for (const BatchBlock& block : test.batch.blocks) EXPECT_FALSE(block.spans_hours);
  ExpectConsistent(test, events);
}

TEST(BatchEncoderTest, ABlockHoldsAtMost8192Events) {
  const auto events = InHour(kHour, 2 * kRawBlockEventsMax + 1, 3);
  TestBatch test(events);
  Encode(&test);
  ASSERT_EQ(test.batch.blocks.size(), 3U);
  EXPECT_EQ(test.batch.blocks[0].info.count, kRawBlockEventsMax);
  EXPECT_EQ(test.batch.blocks[1].info.count, kRawBlockEventsMax);
  EXPECT_EQ(test.batch.blocks[2].info.count, 1U);
  ExpectConsistent(test, events);
}

TEST(BatchEncoderTest, RowsKeepTheirIdentityNumbersWhenTheyAreSorted) {
  const auto events = InHour(kHour, 1000, 7) + InHour(kHour + 3, 10, 5) + InHour(kHour + 1, 10, 5);
  TestBatch test(events);
  Encode(&test);
  for (const BatchRow& row : test.batch.rows)
    EXPECT_EQ(row.ref.event, &test.chunk.events[row.identity_number]);
}

TEST(BatchEncoderTest, EventsOfOneAdAndHourKeepTheirOrderOfArrival) {
  std::vector<TestEvent> events;
  for (int i = 0; i < 300; ++i) events.push_back({static_cast<uint32_t>(i % 3), kStart + 1'000 - i});
  TestBatch test(events);
  Encode(&test);
  std::map<uint32_t, uint32_t> last;
  for (const BatchRow& row : test.batch.rows) {
    if (last.count(row.ref.ad) != 0) {
      EXPECT_GT(row.identity_number, last[row.ref.ad]);
    }
    last[row.ref.ad] = row.identity_number;
  }
}

TEST(BatchEncoderTest, AnyMixOfHoursAndAdsIsStoredWhole) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  BatchEncoder encoder;
  for (int round = 0; round < 200; ++round) {
    std::vector<TestEvent> events(random() % 2000);
    const uint64_t spread = 1 + random() % 100;
    for (TestEvent& e : events) {
      e.ad = static_cast<uint32_t>(random() % 500);
      e.time_ns = kStart + static_cast<int64_t>(random() % spread) * kNsPerHour +
                  static_cast<int64_t>(random() % kNsPerHour);
      e.kind = static_cast<EventKind>(1 + random() % 3);
      if (e.kind == EventKind::kConversion) e.revenue_micros = static_cast<int64_t>(random() % 1000) - 300;
    }
    TestBatch test(events);
    encoder.Encode(&test.batch);
    ExpectConsistent(test, events);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace tallymark
