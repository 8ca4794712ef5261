// The bytes of version 1, kept for good: they must always decode to these events.

#include <gtest/gtest.h>

#include "format/raw_block_layout.h"
#include "tests/format/golden.h"
#include "tests/format/raw_block_events.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'700'000'000'123'000'000;

std::string Numbered(std::string prefix, uint64_t number) { return prefix.append(std::to_string(number)); }

// The example of raw_block.md.
std::vector<PlainEvent> ExampleEvents() {
  std::vector<PlainEvent> events(3);
  events[0] = {7, kStart + 2'000'000, EventKind::kImpression, std::nullopt, {{Field::kCountry, "US"}}, {}};
  events[1] = {7, kStart, EventKind::kClick, std::nullopt, {{Field::kCountry, "US"}}, {{"os", "x"}}};
  events[2] = {9, kStart + 5'000'000, EventKind::kClick, 1'500'000, {{Field::kCountry, "US"}}, {}};
  return events;
}

std::string Hex4(uint64_t value) {
  std::string text;
  for (int shift = 12; shift >= 0; shift -= 4) text.push_back("0123456789abcdef"[value >> shift & 15]);
  return text;
}

// Every encoding but LZ4, whose bytes are liblz4's to choose.
std::vector<PlainEvent> MixedEvents() {
  std::vector<PlainEvent> events(48);
  for (uint64_t i = 0; i < events.size(); ++i) {
    uint64_t noise = i * 40'503 % 65'536;
    PlainEvent& event = events[i];
    event.ad = static_cast<uint32_t>(1'000 + i / 3 * i);
    event.time_ns = kStart + static_cast<int64_t>(noise % 900) * 1'000'000 - (i == 20 ? 300'000'000'000 : 0);
    event.kind = static_cast<EventKind>(1 + noise % 3);
    if (i % 16 == 5) event.revenue_micros = static_cast<int64_t>(noise) * 10'000 - 70'000'000;
    event.fields[Field::kEventId] = Hex4(noise) + Hex4(i * 257) + "-a0b1-4" + Hex4(noise * 7).substr(1) +
                                    "-8" + Hex4(noise * 11).substr(1) + "-" + Hex4(noise * 13) +
                                    Hex4(noise * 17) + Hex4(i);
    event.fields[Field::kUserId] = i % 12 == 3 ? "guest" : Numbered("u", noise);
    event.fields[Field::kIp] =
        i % 4 == 1 ? "2001:db8::" + Hex4(noise | 0x1000) : Numbered("10.20.", i) + Numbered(".", noise % 256);
    event.fields[Field::kCountry] = i % 5 == 0 ? "DE" : i % 7 == 0 ? "USA" : "FR";
    event.fields[Field::kCampaignId] = Numbered("c", event.ad);
    if (i % 3 == 1)
      event.fields[Field::kBannerId] =
          i % 2 == 0 ? "" : std::string(i % 7, static_cast<char>('a' + noise % 26));
    if (i != 9) event.fields[Field::kAdvertiserId] = "one";
    if (i == 30) event.fields[Field::kClickId] = "c-9";
    if (i % 2 == 0) event.extras["os"] = i % 6 == 0 ? "linux" : "android";
    event.extras["slot"] = "000" + std::to_string(i % 10);
  }
  return events;
}

std::vector<PlainEvent> CompressedEvents() {
  std::vector<PlainEvent> events(20);
  for (size_t i = 0; i < events.size(); ++i) {
    events[i].extras["url"] = Numbered("https://example.org/landing/page-", i * 7'919 % 20) + "/index.html";
  }
  return events;
}

struct GoldenBlock {
  const char* name;
  std::vector<PlainEvent> events;
  bool exact;  // encoding gives these very bytes
};

std::vector<GoldenBlock> GoldenBlocks() {
  return {{"example", ExampleEvents(), true},
          {"mixed", MixedEvents(), true},
          {"compressed", CompressedEvents(), false}};
}

TEST(RawBlockGolden, BlocksOfVersion1DecodeToTheirEvents) {
  auto golden = ReadGolden("raw_block_v1.txt");
  for (const GoldenBlock& block : GoldenBlocks()) {
    std::vector<PlainEvent> decoded;
    Status status = DecodeEvents(golden[block.name], &decoded);
    ASSERT_TRUE(status.ok()) << block.name << ": " << status.message();
    EXPECT_TRUE(decoded == block.events) << block.name;
  }
}

TEST(RawBlockGolden, EventsEncodeToTheSameBytesAsEver) {
  auto golden = ReadGolden("raw_block_v1.txt");
  for (const GoldenBlock& block : GoldenBlocks()) {
    std::string encoded = EncodeEvents(block.events);
    if (block.exact) {
      EXPECT_EQ(ToHex(encoded), ToHex(golden[block.name])) << block.name;
    }
    std::vector<PlainEvent> decoded;
    EXPECT_TRUE(DecodeEvents(encoded, &decoded).ok() && decoded == block.events) << block.name;
  }
}

// Conversions that took ad, country and an extra from their clicks, between others that did not.
std::vector<PlainEvent> JoinedEvents() {
  std::vector<PlainEvent> events(3);
  events[0] = {7, kStart, EventKind::kClick, std::nullopt, {{Field::kCountry, "US"}}, {}};
  events[1] = {7,
               kStart + 9'000'000,
               EventKind::kConversion,
               2'500'000,
               {{Field::kCountry, "US"}, {Field::kClickId, "c-9"}},
               {{"os", "x"}, {"shop", "7"}},
               0x11,
               {"os"}};
  events[2] = {9, kStart + 9'000'000, EventKind::kConversion, 1'000'000, {{Field::kClickId, "c-4"}}, {}, 0x01,
               {}};
  return events;
}

TEST(RawBlockGolden, BlocksOfVersion2DecodeToTheirEventsAndBack) {
  auto golden = ReadGolden("raw_block_v2.txt");
  std::vector<PlainEvent> decoded;
  Status status = DecodeEvents(golden["joined"], &decoded);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(decoded == JoinedEvents());
  EXPECT_EQ(ToHex(EncodeEvents(JoinedEvents())), ToHex(golden["joined"]));
}

TEST(RawBlockGolden, ChecksumAndHeaderStayWhereTheyAre) {
  auto golden = ReadGolden("raw_block_v1.txt");
  const std::string& example = golden["example"];
  ASSERT_GT(example.size(), sizeof(RawBlockHeader));
  EXPECT_EQ(example.substr(0, 8), std::string("TMRB\x01\0\0\0", 8));
  RawBlockHeader header;
  ASSERT_TRUE(CheckRawBlock(example, &header).ok());
  EXPECT_EQ(header.size, example.size());
  EXPECT_EQ(header.count, 3U);
  EXPECT_EQ(header.time_min_ns, kStart);
  EXPECT_EQ(header.time_max_ns, kStart + 5'000'000);
  EXPECT_EQ(header.ad_min, 7U);
  EXPECT_EQ(header.ad_max, 9U);
  EXPECT_EQ(header.column_count, 6U);
}

// Which encodings the golden blocks hold, so that none drops out of them unseen.
TEST(RawBlockGolden, EveryTextEncodingIsAmongThem) {
  auto golden = ReadGolden("raw_block_v1.txt");
  std::string seen;
  for (const GoldenBlock& block : GoldenBlocks()) {
    RawBlockHeader header;
    std::vector<RawColumnView> columns;
    ASSERT_TRUE(OpenRawBlock(golden[block.name], &header, &columns).ok());
    for (const RawColumnView& column : columns) {
      if (column.column > static_cast<uint8_t>(RawColumn::kRevenue)) seen += std::to_string(column.encoding);
    }
  }
  // 5 and 6, the addresses, stand inside a split.
  for (char encoding : std::string("1234789")) {
    EXPECT_NE(seen.find(encoding), std::string::npos) << encoding << " in " << seen;
  }
}

}  // namespace
}  // namespace tallymark
