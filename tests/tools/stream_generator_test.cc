#include "tools/stream_generator.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "format/event_parser.h"
#include "tests/format/seed.h"
#include "tools/stream_totals.h"

namespace tallymark {
namespace {

std::string Line(const StreamGenerator& stream, uint64_t i) {
  char buffer[StreamGenerator::kLineBytesMax];
  return std::string(buffer, static_cast<size_t>(stream.WriteLine(i, buffer) - buffer));
}

StreamOptions Mixed(uint64_t seed) {
  StreamOptions options;
  options.seed = seed;
  options.ads = 1000;
  options.duplicates = 0.1;
  options.bad_lines = 0.05;
  options.late = 0.1;
  options.impressions = 0.5;
  options.conversions = 0.1;
  return options;
}

TEST(StreamGeneratorTest, SameSeedGivesTheSameLines) {
  uint64_t seed = TestSeed();
  StreamGenerator one(Mixed(seed)), two(Mixed(seed)), other(Mixed(seed + 1));
  uint64_t different = 0;
  for (uint64_t i = 0; i < 2000; ++i) {
    EXPECT_EQ(Line(one, i), Line(two, i));
    different += Line(one, i) != Line(other, i);
  }
  EXPECT_EQ(different, 2000u);
}

TEST(StreamGeneratorTest, SeedsKeepTheirMeaning) {
  // Written down so that a change that would break the repetition of an old run is seen.
  StreamGenerator stream{StreamOptions()};
  EXPECT_EQ(Line(stream, 0),
            "click,ad_id=ad0000001,country=USA "
            "event_id=\"8a27b94c-ff75-46aa-9137-56f65520a1ec\",user_id=\"u28274\","
            "ip=\"184.117.131.133\" 1609459200000000000\n");
}

TEST(StreamGeneratorTest, WriteLinesGoesOnWhereItStopped) {
  StreamGenerator stream(Mixed(TestSeed()));
  std::string whole;
  for (uint64_t i = 5; i < 500; ++i) whole += Line(stream, i);
  std::string pieces;
  std::vector<char> buffer(3000);
  for (uint64_t next = 5; next < 500;) {
    char* end = stream.WriteLines(&next, 500, buffer.data(), buffer.data() + buffer.size());
    pieces.append(buffer.data(), static_cast<size_t>(end - buffer.data()));
  }
  EXPECT_EQ(pieces, whole);
}

TEST(StreamGeneratorTest, DuplicatesRepeatAFreshLineBefore) {
  StreamGenerator stream(Mixed(TestSeed()));
  uint64_t near = 0, duplicates = 0;
  for (uint64_t i = 0; i < 50'000; ++i) {
    if (stream.ClassOf(i) != LineClass::kDuplicate) continue;
    uint64_t origin = stream.OriginOf(i);
    ASSERT_LT(origin, i);
    EXPECT_EQ(stream.ClassOf(origin), LineClass::kFresh);
    EXPECT_EQ(Line(stream, i), Line(stream, origin));
    ++duplicates;
    near += i - origin < 2 * StreamGenerator::kNearLines;
  }
  EXPECT_GT(near, duplicates / 2);
  EXPECT_LT(near, duplicates);
}

// What the parser makes of a stretch, held against what the generator says of itself.
TEST(StreamGeneratorTest, ParserAgreesWithTheExpectedTotals) {
  constexpr uint64_t kLines = 30'000;
  StreamGenerator stream(Mixed(TestSeed()));
  EventChunk chunk;
  ParseReport report;
  for (uint64_t i = 0; i < kLines; ++i) chunk.text += Line(stream, i);
  EventParser parser;
  parser.Parse({}, false, &chunk, &report);

  std::set<Hash128> identities;
  uint64_t duplicates = 0, checksum = 0;
  MetricSums sums, first_ad;
  for (const Event& event : chunk.events) {
    if (!identities.insert(event.identity).second) {
      ++duplicates;
      continue;
    }
    MetricSums amount;
    amount[event.kind == EventKind::kClick        ? Metric::kClicks
           : event.kind == EventKind::kImpression ? Metric::kImpressions
                                                  : Metric::kConversions] = 1;
    if (event.has_revenue) amount[Metric::kRevenue] = event.revenue_micros;
    std::string_view ad = chunk.Get(event, Field::kAdId);
    for (Metric metric : {Metric::kImpressions, Metric::kClicks, Metric::kConversions, Metric::kRevenue}) {
      checksum += static_cast<uint64_t>(amount[metric]) * CellWeight(ad, MinuteOf(event.time_ns), metric);
    }
    sums.Add(amount);
    if (ad == "ad0000001") first_ad.Add(amount);
  }
  const uint64_t watched[] = {1};
  StreamTotals totals = CountStream(stream, 0, kLines, watched);
  EXPECT_EQ(totals.fresh, identities.size());
  EXPECT_EQ(totals.duplicates, duplicates);
  EXPECT_EQ(totals.bad, report.rejected.size());
  EXPECT_EQ(totals.checksum, checksum);
  EXPECT_EQ(totals.sums, sums);
  EXPECT_EQ(totals.watched[0], first_ad);
  EXPECT_GT(totals.bad, 0u);
}

TEST(StreamGeneratorTest, SharesAreKept) {
  constexpr uint64_t kLines = 100'000;
  StreamGenerator stream(Mixed(7));
  StreamTotals totals = CountStream(stream, 0, kLines);
  EXPECT_NEAR(static_cast<double>(totals.duplicates), 0.1 * kLines, 500);
  EXPECT_NEAR(static_cast<double>(totals.bad), 0.05 * kLines, 400);
  auto fresh = static_cast<double>(totals.fresh);
  EXPECT_NEAR(static_cast<double>(totals.sums[Metric::kImpressions]), 0.5 * fresh, 1000);
  EXPECT_NEAR(static_cast<double>(totals.sums[Metric::kConversions]), 0.1 * fresh, 500);
}

TEST(StreamGeneratorTest, TimesRunFromStartOnAndSomeAreLate) {
  StreamOptions options;
  options.late = 0.25;
  options.interval_ns = 1e6;
  options.late_spread_ns = kNsPerHour;
  StreamGenerator stream(options);
  uint64_t late = 0;
  for (uint64_t i = 0; i < 20'000; ++i) {
    int64_t place = options.start_ns + static_cast<int64_t>(i) * kNsPerMs;
    int64_t time = stream.EventAt(i).time_ns;
    EXPECT_LE(time, place + kNsPerMs);
    EXPECT_GE(time, place - kNsPerHour);
    EXPECT_EQ(time % options.resolution_ns, 0);
    late += time < place;
  }
  EXPECT_NEAR(static_cast<double>(late), 5000, 300);
}

TEST(StreamGeneratorTest, ConversionsCarryTheAdOfTheirClick) {
  StreamGenerator stream(Mixed(TestSeed()));
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> clicks;
  uint64_t conversions = 0;
  for (uint64_t i = 0; i < 20'000; ++i) {
    if (stream.ClassOf(i) != LineClass::kFresh) continue;
    GeneratedEvent event = stream.EventAt(i);
    if (event.kind == EventKind::kClick) clicks[{event.id_high, event.id_low}] = event.ad;
    if (!event.has_click) continue;
    ++conversions;
    auto click = clicks.find({event.click_high, event.click_low});
    ASSERT_NE(click, clicks.end());
    EXPECT_EQ(click->second, event.ad);
  }
  EXPECT_GT(conversions, 100u);
}

TEST(StreamGeneratorTest, LinesStayWithinTheirBound) {
  StreamOptions options = Mixed(3);
  options.ads = UINT64_MAX;
  options.users = UINT64_MAX;
  options.zipf = 0;
  options.start_ns = INT64_MIN + 2 * kNsPerDay;
  StreamGenerator stream(options);
  for (uint64_t i = 0; i < 20'000; ++i) ASSERT_LT(Line(stream, i).size(), StreamGenerator::kLineBytesMax);
}

TEST(StreamGeneratorTest, BadOptionsAreRefused) {
  auto refused = [](auto change) {
    StreamOptions options;
    change(&options);
    return !StreamGenerator::Check(options).ok();
  };
  EXPECT_FALSE(refused([](StreamOptions*) {}));
  EXPECT_TRUE(refused([](StreamOptions* o) { o->ads = 0; }));
  EXPECT_TRUE(refused([](StreamOptions* o) { o->zipf = -1; }));
  EXPECT_TRUE(refused([](StreamOptions* o) { o->duplicates = 0.95; }));
  EXPECT_TRUE(refused([](StreamOptions* o) { o->impressions = o->conversions = 0.6; }));
  EXPECT_TRUE(refused([](StreamOptions* o) { o->resolution_ns = 0; }));
}

}  // namespace
}  // namespace tallymark
