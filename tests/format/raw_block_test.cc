#include "format/raw_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "format/raw_block_layout.h"
#include "tests/format/raw_block_events.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int64_t kNow = 1'700'000'000'123'000'000;

// Encodes, decodes and compares: the whole block, each ad alone, the count columns and the header.
void ExpectRoundTrip(const std::vector<PlainEvent>& events) {
  std::string block = EncodeEvents(events);
  std::vector<PlainEvent> decoded;
  ASSERT_TRUE(DecodeEvents(block, &decoded).ok());
  ASSERT_EQ(decoded.size(), events.size());
  for (size_t i = 0; i < events.size(); ++i) ASSERT_TRUE(decoded[i] == events[i]) << "event " << i;

  auto info = ReadRawBlockInfo(block);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->count, events.size());
  EXPECT_EQ(info->ad_min, events.front().ad);
  EXPECT_EQ(info->ad_max, events.back().ad);
  auto by_time = [](const PlainEvent& a, const PlainEvent& b) { return a.time_ns < b.time_ns; };
  EXPECT_EQ(info->time_min_ns, std::min_element(events.begin(), events.end(), by_time)->time_ns);
  EXPECT_EQ(info->time_max_ns, std::max_element(events.begin(), events.end(), by_time)->time_ns);

  CountColumns columns;
  ASSERT_TRUE(DecodeCountColumns(block, &columns).ok());
  ASSERT_EQ(columns.ads.size(), events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    ASSERT_EQ(columns.ads[i], events[i].ad);
    ASSERT_EQ(columns.times_ns[i], events[i].time_ns);
    ASSERT_EQ(columns.kinds[i], events[i].kind);
    ASSERT_EQ(columns.revenue_micros[i], events[i].revenue_micros.value_or(0));
  }

  size_t checked = 0;
  for (size_t begin = 0; begin < events.size() && checked < 40; ++checked) {
    size_t end = begin;
    while (end < events.size() && events[end].ad == events[begin].ad) ++end;
    ASSERT_TRUE(DecodeEvents(block, &decoded, &events[begin].ad).ok());
    std::vector<PlainEvent> expected(events.begin() + static_cast<std::ptrdiff_t>(begin),
                                     events.begin() + static_cast<std::ptrdiff_t>(end));
    ASSERT_TRUE(decoded == expected) << "ad " << events[begin].ad;
    begin = end;
  }
}

// `count` events over about `ads` ads, otherwise bare.
std::vector<PlainEvent> BareEvents(size_t count, uint32_t ads, std::mt19937_64& random) {
  std::vector<PlainEvent> events(count);
  for (PlainEvent& event : events) {
    event.ad = static_cast<uint32_t>(random() % ads) * 3;
    event.time_ns = kNow + static_cast<int64_t>(random() % 5'000) * 1'000'000;
    event.kind = static_cast<EventKind>(1 + random() % 3);
  }
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.ad < b.ad; });
  return events;
}

std::string Hex(uint64_t value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llx", digits, static_cast<unsigned long long>(value));
  return text;
}

std::string Numbered(std::string prefix, uint64_t number) { return prefix.append(std::to_string(number)); }

std::string RandomUuid(std::mt19937_64& random) {
  std::string text = Hex(random() >> 32, 8);
  for (int i = 0; i < 3; ++i) text.append("-").append(Hex(random() >> 48, 4));
  return text.append("-").append(Hex(random() >> 16, 12));
}

std::string RandomBytes(std::mt19937_64& random, size_t size_max) {
  std::string text(random() % (size_max + 1), '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

std::string RandomIpv4(std::mt19937_64& random) {
  std::string text = std::to_string(random() % 256);
  for (int i = 0; i < 3; ++i) text.append(".").append(std::to_string(random() % 256));
  return text;
}

std::string RandomIpv6(std::mt19937_64& random) {
  std::string text = "2001:db8";
  for (int i = 0; i < 6; ++i) text.append(":").append(Hex(1 + random() % 0xFFFF, 1));
  return text;
}

// One column's way of making texts; a mix changes its mind within the column.
std::string RandomText(int style, std::mt19937_64& random) {
  switch (style) {
    case 0:
      return "constant";
    case 1:
      return RandomUuid(random);
    case 2:
      return RandomIpv4(random);
    case 3:
      return RandomIpv6(random);
    case 4:
      return Numbered("u", random() % 1'000'000);
    case 5:
      return std::string("pad").append(Hex(random() % 10 + 1'000'000'000'000, 13));
    case 6:
      return Numbered("country-", random() % 37 * 1'234'567);
    case 7:
      return RandomBytes(random, 20);
    case 8:
      return "";
    case 9:
      return std::to_string(random() >> (random() % 64));
    default:
      return RandomText(static_cast<int>(random() % 10), random);
  }
}
constexpr int kStyles = 11;

// Makes some of the events joined conversions: part of what they carry came from a click.
void JoinSome(std::vector<PlainEvent>* events, std::mt19937_64& random) {
  for (PlainEvent& event : *events) {
    if (random() % 8 != 0) continue;
    event.inherited = 1;
    for (const auto& [field, text] : event.fields) {
      const unsigned bit = 1U << static_cast<unsigned>(field) & kInheritableFields;
      if (random() % 2 == 0) event.inherited = static_cast<uint8_t>(event.inherited | bit);
    }
    for (const auto& [name, value] : event.extras) {
      if (random() % 2 == 0) event.inherited_extras.insert(name);
    }
  }
}

std::vector<PlainEvent> RandomEvents(std::mt19937_64& random) {
  size_t count = 1 + random() % (random() % 4 == 0 ? kRawBlockEventsMax : 300);
  auto events = BareEvents(count, 1 + static_cast<uint32_t>(random() % 2'000), random);
  for (int f = 1; f < kFieldCount; ++f) {
    int style = static_cast<int>(random() % kStyles);
    uint64_t presence = random() % 4;  // none, all, most, few
    for (PlainEvent& event : events) {
      if (presence == 0 || (presence == 2 && random() % 10 == 0) || (presence == 3 && random() % 20 != 0))
        continue;
      event.fields[static_cast<Field>(f)] = RandomText(style, random);
    }
  }
  uint64_t names = random() % 6;
  for (PlainEvent& event : events) {
    for (uint64_t x = 0; x < names; ++x) {
      if (random() % 3 == 0) continue;
      event.extras[Numbered("x", x)] = RandomText(static_cast<int>(x * 7 % kStyles), random);
    }
    if (random() % 5 == 0) event.revenue_micros = static_cast<int64_t>(random()) >> (random() % 64);
    if (random() % 50 == 0) event.time_ns -= static_cast<int64_t>(random() % 1'000'000'000'000);
  }
  if (random() % 3 == 0) JoinSome(&events, random);
  return events;
}

TEST(RawBlock, OneBareEventRoundTrips) { ExpectRoundTrip({{.ad = 5, .time_ns = kNow}}); }

TEST(RawBlock, RandomBlocksRoundTrip) {
  uint64_t seed = TestSeed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    ExpectRoundTrip(RandomEvents(random));
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(RawBlock, TheLargestBlocksRoundTrip) {
  std::mt19937_64 random(TestSeed());
  ExpectRoundTrip(BareEvents(kRawBlockEventsMax, 1, random));  // one ad
  std::vector<PlainEvent> each_its_own = BareEvents(kRawBlockEventsMax, 1, random);
  for (size_t i = 0; i < each_its_own.size(); ++i) each_its_own[i].ad = static_cast<uint32_t>(i * 524'287);
  ExpectRoundTrip(each_its_own);
}

TEST(RawBlock, BothEndsOfTimeAndRevenueRoundTrip) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  std::vector<PlainEvent> events;
  for (auto [time_ns, micros] : std::vector<std::pair<int64_t, int64_t>>{
           {kLeast, kMost}, {kMost, kLeast}, {0, 0}, {-1, 1}, {1, -1}, {kLeast + 1, kMost - 1}}) {
    PlainEvent event;
    event.ad = UINT32_MAX;
    event.time_ns = time_ns;
    event.revenue_micros = micros;
    events.push_back(event);
    ExpectRoundTrip({event});
  }
  ExpectRoundTrip(events);
}

TEST(RawBlock, TimesOfEveryUnitRoundTripBeforeAndAfter1970) {
  std::mt19937_64 random(TestSeed());
  for (int64_t unit : {1LL, 1'000LL, 1'000'000LL, 1'000'000'000LL, 60'000'000'000LL}) {
    for (int64_t start : {-3 * unit, kNow}) {
      std::vector<PlainEvent> events = BareEvents(200, 20, random);
      for (PlainEvent& event : events) event.time_ns = start + static_cast<int64_t>(random() % 10'000) * unit;
      ExpectRoundTrip(events);
    }
  }
}

TEST(RawBlock, AbsentAndEmptyAreToldApart) {
  std::vector<PlainEvent> events(40);
  for (size_t i = 0; i < events.size(); ++i) {
    if (i % 2 == 0) events[i].fields[Field::kUserId] = i % 4 == 0 ? "" : "u1";
    if (i % 3 == 0) events[i].fields[Field::kCountry] = "";
    if (i % 5 == 0) events[i].extras["os"] = "";
    if (i == 39) events[i].fields[Field::kClickId] = "";
    if (i % 7 == 0) events[i].revenue_micros = 0;
  }
  ExpectRoundTrip(events);
}

TEST(RawBlock, AnEventMayHave255ExtrasAndABlockThousandsOfNames) {
  std::mt19937_64 random(TestSeed());
  std::vector<PlainEvent> events = BareEvents(600, 50, random);
  for (size_t i = 0; i < events.size(); ++i) {
    for (int x = 0; x < 8; ++x)
      events[i].extras[Numbered("name", random() % 20'000)] = RandomText(10, random);
  }
  for (uint64_t x = 0; events[7].extras.size() < 255; ++x) events[7].extras[Numbered("more", x)] = "v";
  events[8].extras[""] = "the name is empty";
  events[9].extras[std::string("n\0ul", 4)] = std::string("\0", 1);
  ExpectRoundTrip(events);
}

TEST(RawBlock, AttributesOfTheAdAreStoredOnceAnAd) {
  std::mt19937_64 random(TestSeed());
  std::vector<PlainEvent> events = BareEvents(4'000, 40, random);
  for (PlainEvent& event : events)
    event.fields[Field::kCampaignId] = Numbered("c", event.ad * uint64_t{2'654'435'761});
  ExpectRoundTrip(events);
  std::string block = EncodeEvents(events);
  RawBlockHeader header;
  std::vector<RawColumnView> columns;
  ASSERT_TRUE(OpenRawBlock(block, &header, &columns).ok());
  ASSERT_EQ(columns.size(), 4U);
  EXPECT_EQ(columns[3].layout, kLayoutPerAd);
  EXPECT_LT(columns[3].body.size(), 40 * 8U);
  events[2'000].fields[Field::kCampaignId] = "moved";
  ExpectRoundTrip(events);
}

TEST(RawBlock, EqualInputGivesEqualBytesWhateverWasEncodedBefore) {
  std::mt19937_64 random(TestSeed());
  std::vector<PlainEvent> events = RandomEvents(random);
  std::string first = EncodeEvents(events);
  RawBlockEncoder encoder;
  std::string out = "kept";
  encoder.Encode(EventSource(RandomEvents(random)).rows(), &out);
  size_t start = out.size();
  encoder.Encode(EventSource(events).rows(), &out);
  EXPECT_TRUE(out.starts_with("kept"));
  EXPECT_EQ(out.substr(start), first);
}

TEST(RawBlock, DecodingAppendsBehindWhatIsThere) {
  std::vector<PlainEvent> events(3);
  for (PlainEvent& event : events) event.fields[Field::kIp] = "10.0.0.1";
  events[1].extras["os"] = "linux";
  std::string block = EncodeEvents(events);
  EventChunk chunk;
  std::vector<uint32_t> ads;
  ASSERT_TRUE(DecodeRawBlock(block, nullptr, &chunk, &ads).ok());
  ASSERT_TRUE(DecodeRawBlock(block, nullptr, &chunk, &ads).ok());
  std::vector<PlainEvent> twice = events;
  twice.insert(twice.end(), events.begin(), events.end());
  EXPECT_TRUE(ToPlain(chunk, ads) == twice);
}

TEST(RawBlock, AnAdThatIsNotThereHasNoEvents) {
  std::vector<PlainEvent> events(2);
  events[0].ad = 5;
  events[1].ad = 9;
  std::string block = EncodeEvents(events);
  for (uint32_t ad : {0U, 7U, 10U}) {
    std::vector<PlainEvent> decoded;
    ASSERT_TRUE(DecodeEvents(block, &decoded, &ad).ok());
    EXPECT_TRUE(decoded.empty());
  }
}

// A small block with a column of every sort.
std::vector<PlainEvent> MixedEvents() {
  std::mt19937_64 random(11);
  std::vector<PlainEvent> events = BareEvents(60, 12, random);
  for (size_t i = 0; i < events.size(); ++i) {
    events[i].fields[Field::kEventId] = RandomUuid(random);
    events[i].fields[Field::kUserId] = i % 9 == 0 ? "guest" : Numbered("u", random() % 1'000);
    events[i].fields[Field::kIp] = i % 4 == 0 ? RandomIpv6(random) : RandomIpv4(random);
    events[i].fields[Field::kCountry] = RandomText(6, random);
    events[i].fields[Field::kCampaignId] = Numbered("c", events[i].ad);
    if (i % 20 == 0) events[i].revenue_micros = static_cast<int64_t>(i) * 12'340'000;
    if (i % 3 == 0)
      events[i].extras["url"] = Numbered("https://example.org/landing/page?position=first&n=", i);
    if (i % 2 == 0) events[i].extras["os"] = "linux";
    if (i == 30) events[i].time_ns -= 300'000'000'000;
  }
  return events;
}

Status DecodeAll(std::string_view block) {
  std::vector<PlainEvent> events;
  Status status = DecodeEvents(block, &events);
  uint32_t ad = 6;
  CountColumns columns;
  EXPECT_EQ(ReadRawBlockInfo(block).ok(), status.ok());
  EXPECT_EQ(DecodeEvents(block, &events, &ad).code(), status.code());
  EXPECT_EQ(DecodeCountColumns(block, &columns).code(), status.code());
  return status;
}

TEST(RawBlockDamage, EveryTruncationIsCorruption) {
  std::string block = EncodeEvents(MixedEvents());
  for (size_t size = 0; size < block.size(); ++size) {
    std::vector<char> exact(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_EQ(DecodeAll({exact.data(), exact.size()}).code(), Code::kCorruption) << size;
  }
  EXPECT_EQ(DecodeAll(block + '\0').code(), Code::kCorruption);
}

TEST(RawBlockDamage, EveryFlippedBitIsCorruption) {
  std::string block = EncodeEvents(MixedEvents());
  for (size_t bit = 0; bit < block.size() * 8; ++bit) {
    std::string damaged = block;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_EQ(DecodeAll(damaged).code(), Code::kCorruption) << "bit " << bit;
  }
}

// What the checksum no longer catches may decode to something else, but stays within bounds.
TEST(RawBlockDamage, DamageUnderAGoodChecksumStaysWithinBounds) {
  std::string block = EncodeEvents(MixedEvents());
  std::mt19937_64 random(TestSeed());
  size_t refused = 0;
  for (size_t at = 0; at < block.size() * 4; ++at) {
    std::vector<char> damaged(block.begin(), block.end());
    size_t changes = 1 + random() % 3;
    damaged[at % block.size()] = static_cast<char>(random());
    for (size_t i = 1; i < changes; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    SealRawBlock(damaged.data(), damaged.size());
    std::string_view view(damaged.data(), damaged.size());
    std::vector<PlainEvent> events;
    CountColumns columns;
    uint32_t ad = 6;
    Status status = DecodeEvents(view, &events);
    refused += status.ok() ? 0 : 1;
    if (status.ok()) {
      EXPECT_TRUE(DecodeEvents(view, &events, &ad).ok());
      EXPECT_TRUE(DecodeCountColumns(view, &columns).ok());
    } else {
      ASSERT_EQ(status.code(), Code::kCorruption);
    }
  }
  EXPECT_GT(refused, block.size() / 10);
}

TEST(RawBlockDamage, CutsUnderAGoodChecksumAreCorruption) {
  std::string block = EncodeEvents(MixedEvents());
  for (size_t size = sizeof(RawBlockHeader); size < block.size(); ++size) {
    std::vector<char> cut(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size));
    SealRawBlock(cut.data(), cut.size());
    std::vector<PlainEvent> events;
    EXPECT_EQ(DecodeEvents({cut.data(), cut.size()}, &events).code(), Code::kCorruption) << size;
  }
}

TEST(RawBlockDamage, WhatANewerVersionWroteIsRefusedByName) {
  std::string block = EncodeEvents(MixedEvents());
  block[4] = 3;
  SealRawBlock(block.data(), block.size());
  EXPECT_THAT(ReadRawBlockInfo(block).status().message(), testing::HasSubstr("version 3 is not known"));
  block[4] = 1;
  block[6] = 1;
  SealRawBlock(block.data(), block.size());
  EXPECT_THAT(ReadRawBlockInfo(block).status().message(), testing::HasSubstr("unknown flags"));
}

TEST(RawBlockDamage, TheVersionSaysWhetherSomethingWasInherited) {
  std::vector<PlainEvent> events(1);
  events[0].fields[Field::kCountry] = "USA";
  std::vector<PlainEvent> decoded;
  std::string plain = EncodeEvents(events);
  EXPECT_EQ(plain[4], 1);
  plain[4] = 2;
  SealRawBlock(plain.data(), plain.size());
  EXPECT_THAT(DecodeEvents(plain, &decoded).message(), testing::HasSubstr("without what makes it one"));
  events[0].inherited = 1 | 1U << static_cast<unsigned>(Field::kCountry);
  std::string joined = EncodeEvents(events);
  EXPECT_EQ(joined[4], 2);
  joined[4] = 1;
  SealRawBlock(joined.data(), joined.size());
  EXPECT_THAT(DecodeEvents(joined, &decoded).message(), testing::HasSubstr("a column that came later"));
}

TEST(RawBlockDamage, OnlyWhatIsThereCanBeInherited) {
  std::vector<PlainEvent> events(1);
  events[0].fields[Field::kCountry] = "USA";
  events[0].extras["os"] = "x";
  std::vector<PlainEvent> decoded;
  events[0].inherited = 1 | 1U << static_cast<unsigned>(Field::kUserId);
  EXPECT_EQ(DecodeEvents(EncodeEvents(events), &decoded).code(), Code::kCorruption);
  events[0].inherited = 1U << static_cast<unsigned>(Field::kCountry);  // and not the ad
  EXPECT_EQ(DecodeEvents(EncodeEvents(events), &decoded).code(), Code::kCorruption);
  events[0].inherited = 1 | 1U << static_cast<unsigned>(Field::kEventId);
  EXPECT_EQ(DecodeEvents(EncodeEvents(events), &decoded).code(), Code::kCorruption);
  events[0].inherited = 1;
  EXPECT_TRUE(DecodeEvents(EncodeEvents(events), &decoded).ok());
}

TEST(RawBlockDamage, AnUnknownColumnOrEncodingIsRefusedByName) {
  std::vector<PlainEvent> events(1);
  events[0].fields[Field::kCountry] = "USA";
  std::string block = EncodeEvents(events);
  size_t entry = block.size() - 4;  // column, encoding, layout, size
  std::vector<PlainEvent> decoded;
  block[entry] = 99;
  SealRawBlock(block.data(), block.size());
  EXPECT_THAT(DecodeEvents(block, &decoded).message(), testing::HasSubstr("column 99 is not known"));
  block[entry] = static_cast<char>(FieldColumn(Field::kCountry));
  block[entry + 1] = 77;
  SealRawBlock(block.data(), block.size());
  EXPECT_THAT(DecodeEvents(block, &decoded).message(), testing::HasSubstr("encoding 77"));
}

TEST(RawBlockDeathTest, BrokenPromisesStopTheProgram) {
  std::vector<PlainEvent> events(2);
  events[0].ad = 2;
  EXPECT_DEATH(EncodeEvents(events), "not sorted by ad");
  EXPECT_DEATH(EncodeEvents({}), "1 to 8192 events");
}

}  // namespace
}  // namespace tallymark
