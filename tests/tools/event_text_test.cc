#include "tools/event_text.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/event_line.h"
#include "format/event_parser.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

std::string RandomText(std::mt19937_64* random) {
  const std::string alphabet = "abc \\\",=\n\t:#";
  std::string text;
  for (size_t length = (*random)() % 10; text.size() < length;)
    text += alphabet[(*random)() % alphabet.size()];
  return text;
}

// A line for an event read back by the ingest parser, as the event's attributes by name.
std::map<std::string, std::string> ReadBack(const std::string& line, Event* event) {
  EventChunk chunk;
  ParseReport report;
  chunk.text = line;
  EventParser().Parse({}, false, &chunk, &report);
  std::map<std::string, std::string> attributes;
  EXPECT_TRUE(report.rejected.empty()) << line;
  EXPECT_EQ(chunk.events.size(), 1u) << line;
  if (chunk.events.size() != 1) return attributes;
  *event = chunk.events.front();
  for (int i = 0; i < kFieldCount; ++i) {
    auto field = static_cast<Field>(i);
    if (event->Has(field)) attributes[std::string(FieldName(field))] = chunk.Get(*event, field);
  }
  for (size_t i = 0; i < event->extra_count; ++i) {
    const Extra& extra = chunk.extras[event->extra_begin + i];
    attributes[std::string(chunk.ExtraName(extra))] = chunk.ExtraValue(extra);
  }
  return attributes;
}

TEST(EventTextTest, LineGivesTheSameEventBack) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 2000; ++round) {
    RawEvent raw;
    raw.kind = static_cast<EventKind>(1 + random() % kEventKindCount);
    raw.time_ns = static_cast<int64_t>(random());
    raw.attributes = {{"ad_id", "x" + RandomText(&random)}, {"event_id", "e" + RandomText(&random)}};
    if (random() % 2) raw.attributes.emplace_back("ip", "1.2.3.4");
    raw.attributes.emplace_back("an \"odd\", name=", RandomText(&random));
    raw.attributes.emplace_back("other", RandomText(&random));
    if (random() % 2) raw.revenue_micros = static_cast<int64_t>(random());
    Event event;
    auto attributes = ReadBack(EventLine(raw), &event);
    EXPECT_EQ(attributes, (std::map<std::string, std::string>(raw.attributes.begin(), raw.attributes.end())));
    EXPECT_EQ(event.kind, raw.kind);
    EXPECT_EQ(event.time_ns, raw.time_ns);
    EXPECT_EQ(event.has_revenue, raw.revenue_micros.has_value());
    if (raw.revenue_micros) {
      EXPECT_EQ(event.revenue_micros, *raw.revenue_micros);
    }
  }
}

TEST(EventTextTest, CsvRowHasTheSameColumnsForEveryEvent) {
  RawEvent bare, full;
  bare.attributes = {{"ad_id", "7"}};
  full.attributes = {{"ad_id", "7"}, {"country", "USA"}, {"os", "13"}};
  full.revenue_micros = 1'500'000;
  auto one = EventRow(bare), two = EventRow(full);
  ASSERT_EQ(one.size(), two.size());
  for (size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].name, two[i].name);
  EXPECT_EQ(one.back().value, "{}");
  EXPECT_EQ(two.back().value, R"({"os":"13"})");
}

}  // namespace
}  // namespace tallymark
