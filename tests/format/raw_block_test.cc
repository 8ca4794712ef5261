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

}  // namespace
}  // namespace tallymark
