#include "format/waiting_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "format/event_parser.h"
#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int64_t kArrival = 1'609'459'201'000'000'000;

EventChunk Parse(const std::string& line) {
  EventChunk chunk;
  chunk.text = line;
  ParseReport report;
  EventParser().Parse({}, false, &chunk, &report);
  EXPECT_EQ(chunk.events.size(), 1U) << line;
  return chunk;
}

std::string Encode(const EventChunk& chunk, int64_t arrival_ns = kArrival) {
  return EncodeWaitingConversion(chunk, chunk.events.at(0), arrival_ns);
}

constexpr char kExample[] = "conversion click_id=\"c-9\",os=\"x\",revenue=2.5 1609459200000000000";
constexpr char kEverything[] =
    "conversion,country=DE,zone=z,os=x click_id=\"c\",event_id=\"v\",user_id=\"\",ip=\"2001:db8::1\","
    "campaign_id=\"7\",banner_id=\"31\",advertiser_id=\"a\",revenue=\"-0.000001\" -5";

TEST(WaitingConversionTest, GoldenRecordsReadAndWriteAsTheyDid) {
  auto golden = ReadGolden("waiting_conversion_v1.txt");
  EXPECT_EQ(ToHex(Encode(Parse(kExample))), ToHex(golden["example"]));
  EXPECT_EQ(ToHex(Encode(Parse(kEverything), -1)), ToHex(golden["everything"]));
}

TEST(WaitingConversionTest, EverythingComesBackBehindWhatIsThere) {
  for (const char* line : {kExample, kEverything, "conversion click_id=\"c\" 0"}) {
    const EventChunk sent = Parse(line);
    EventChunk chunk = Parse("click,ad_id=a,x=y z=1 1");
    int64_t arrival_ns = 0;
    ASSERT_TRUE(DecodeWaitingConversion(Encode(sent), &chunk, &arrival_ns).ok());
    EXPECT_EQ(arrival_ns, kArrival);
    ASSERT_EQ(chunk.events.size(), 2U);
    const Event& from = sent.events[0];
    const Event& to = chunk.events[1];
    EXPECT_EQ(to.identity, from.identity) << line;
    EXPECT_EQ(to.content_check, from.content_check) << line;
    EXPECT_EQ(to.time_ns, from.time_ns);
    EXPECT_EQ(to.has_revenue, from.has_revenue);
    EXPECT_EQ(to.revenue_micros, from.revenue_micros);
    for (int f = 0; f < kFieldCount; ++f) {
      EXPECT_EQ(to.Has(static_cast<Field>(f)), from.Has(static_cast<Field>(f))) << line;
      EXPECT_EQ(chunk.Get(to, static_cast<Field>(f)), sent.Get(from, static_cast<Field>(f))) << line;
    }
    EXPECT_EQ(to.extra_count, from.extra_count);
  }
}

TEST(WaitingConversionTest, EveryTruncationAndEveryFlippedBitIsCorruption) {
  const std::string record = Encode(Parse(kEverything));
  EventChunk chunk;
  int64_t arrival_ns = 0;
  for (size_t size = 0; size < record.size(); ++size) {
    EXPECT_EQ(DecodeWaitingConversion(std::string_view(record).substr(0, size), &chunk, &arrival_ns).code(),
              Code::kCorruption);
  }
  for (size_t bit = 0; bit < record.size() * 8; ++bit) {
    std::string flipped = record;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    EXPECT_EQ(DecodeWaitingConversion(flipped, &chunk, &arrival_ns).code(), Code::kCorruption) << bit;
  }
}

TEST(WaitingConversionDeathTest, OnlyWhatWaitsIsWritten) {
  EXPECT_DEATH(Encode(Parse("conversion,ad_id=a click_id=\"c\" 1")), "not a conversion that waits");
  EXPECT_DEATH(Encode(Parse("click,ad_id=a x=1 1")), "not a conversion that waits");
}

}  // namespace
}  // namespace tallymark
