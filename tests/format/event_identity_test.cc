#include "format/event_identity.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <string>

#include "format/event_parser.h"

namespace tallymark {
namespace {

Event Parse(const std::string& line, EventChunk* chunk) {
  chunk->text = line;
  ParseReport report;
  EventParser().Parse({}, false, chunk, &report);
  EXPECT_EQ(chunk->events.size(), 1u) << line;
  return chunk->events.at(0);
}
Event Parse(const std::string& line) {
  EventChunk chunk;
  return Parse(line, &chunk);
}

std::string Hex(const Event& event) {
  char text[64];
  std::snprintf(text, sizeof text, "%016llx%016llx %04x", static_cast<unsigned long long>(event.identity.hi),
                static_cast<unsigned long long>(event.identity.lo), event.content_check);
  return text;
}

// These values stand in data directories of format version 3. If this test fails, the change would make
// every stored event look new: it takes a new version, which makes stored identities anew.
TEST(EventIdentityTest, ValuesAreFrozen) {
  EXPECT_EQ(Hex(Parse("click,ad_id=a event_id=\"c-9\" 1")), "c0ecc84173e532291f5cc8af29f6ba47 9ec0");
  EXPECT_EQ(Hex(Parse("impression,ad_id=a event_id=\"c-9\" 1")), "213aabdc554c53044da77e7c5863cd44 6d7e");
  EXPECT_EQ(Hex(Parse("click,ad_id=ad001,country=USA user_id=\"u1\",ip=\"207.1.1.22\" 1609459201000000000")),
            "afe84711c8e730229908bfc7275004ed 2ea8");
  EXPECT_EQ(Hex(Parse("conversion,ad_id=a,os=x revenue=12.34,click_id=\"c\",zone=\"\" 5")),
            "a0b33d0ab50dcb6ab2ffc42dab19c3db fc63");
}

TEST(EventIdentityTest, EventIdAndKindAreTheIdentity) {
  Event first = Parse("click,ad_id=a event_id=\"x\" 1");
  EXPECT_EQ(first.identity, Parse("click,ad_id=b,country=DE event_id=\"x\",n=1i 2").identity);
  EXPECT_NE(first.identity, Parse("impression,ad_id=a event_id=\"x\" 1").identity);
  EXPECT_NE(first.identity, Parse("click,ad_id=a event_id=\"y\" 1").identity);
}

// With the kind in XXH3's seed "20010" as an impression was "10013" as a click.
TEST(EventIdentityTest, ShortIdsOfAllKindsAreToldApart) {
  std::set<Hash128> identities;
  size_t expected = 0;
  for (EventKind kind : {EventKind::kImpression, EventKind::kClick, EventKind::kConversion}) {
    for (int number = 0; number < 120'000; ++number, ++expected)
      identities.insert(IdentityOfEventId(kind, std::to_string(number)));
    for (int number = 0; number < 40'000; ++number, expected += 2) {
      const std::string digits = std::to_string(1'000'000 + number);
      identities.insert(IdentityOfEventId(kind, "c-" + digits));           // 9 bytes
      identities.insert(IdentityOfEventId(kind, "campaign-7-" + digits));  // 18 bytes
    }
  }
  EXPECT_EQ(identities.size(), expected);
}

TEST(EventIdentityTest, OrderAndPlaceOfAttributesDoNotMatter) {
  Event first = Parse("click,ad_id=a,os=x,zone=z country=\"DE\",revenue=1.50 1");
  for (const char* line : {"click,zone=z,ad_id=a revenue=1.5,os=\"x\",country=\"DE\" 1",
                           "click,country=DE ad_id=\"a\",os=\"x\",zone=\"z\",revenue=\"1.500\" 1"}) {
    Event other = Parse(line);
    EXPECT_EQ(other.identity, first.identity) << line;
    EXPECT_EQ(other.content_check, first.content_check) << line;
  }
}

TEST(EventIdentityTest, EveryAttributeCountsWithoutAnEventId) {
  std::set<Hash128> identities;
  std::set<uint16_t> checks;
  const char* lines[] = {"click,ad_id=a x=\"1\" 1",
                         "click,ad_id=b x=\"1\" 1",
                         "click,ad_id=a x=\"1\" 2",
                         "impression,ad_id=a x=\"1\" 1",
                         "click,ad_id=a x=\"2\" 1",
                         "click,ad_id=a y=\"1\" 1",
                         "click,ad_id=a x=\"\" 1",
                         "click,ad_id=a 1",
                         "click,ad_id=a user_id=\"1\" 1",
                         "click,ad_id=a user_id=\"\" 1",
                         "click,ad_id=a country=\"1\" 1",
                         "click,ad_id=a ip=\"1.1.1.1\" 1",
                         "click,ad_id=a campaign_id=\"1\" 1",
                         "click,ad_id=a banner_id=\"1\" 1",
                         "click,ad_id=a advertiser_id=\"1\" 1",
                         "click,ad_id=a click_id=\"1\" 1",
                         "click,ad_id=a revenue=1 1",
                         "click,ad_id=a revenue=2 1",
                         "click,ad_id=a revenue=0 1",
                         "click,ad_id=a x=\"1\",y=\"2\" 1",
                         "click,ad_id=a x=\"2\",y=\"1\" 1"};
  for (const char* line : lines) identities.insert(Parse(line).identity);
  EXPECT_EQ(identities.size(), std::size(lines));
}

TEST(EventIdentityTest, EveryAttributeChangesTheCheck) {
  const std::string base =
      "click,ad_id=a event_id=\"e\",user_id=\"u\",ip=\"1.1.1.1\",country=\"c\",campaign_id=\"p\","
      "banner_id=\"b\",advertiser_id=\"d\",click_id=\"k\",revenue=1,x=\"1\" 1";
  uint16_t check = Parse(base).content_check;
  for (auto [from, to] :
       {std::pair("ad_id=a", "ad_id=A"), std::pair("\"e\"", "\"E\""), std::pair("\"u\"", "\"U\""),
        std::pair("1.1.1.1", "1.1.1.2"), std::pair("\"c\"", "\"C\""), std::pair("\"p\"", "\"P\""),
        std::pair("\"b\"", "\"B\""), std::pair("\"d\"", "\"D\""), std::pair("\"k\"", "\"K\""),
        std::pair("revenue=1", "revenue=2"), std::pair("x=\"1\"", "x=\"2\""), std::pair("x=\"1\"", "y=\"1\""),
        std::pair(",x=\"1\"", ""), std::pair("\" 1", "\" 2"), std::pair("user_id=\"u\",", ""),
        std::pair(",revenue=1", "")}) {
    std::string line = base;
    line.replace(line.find(from), std::string(from).size(), to);
    EXPECT_NE(Parse(line).content_check, check) << line;
  }
  std::string swapped = base;
  swapped.replace(swapped.find("\"u\""), 3, "\"c\"");
  swapped.replace(swapped.find("country=\"c\""), 11, "country=\"u\"");
  EXPECT_NE(Parse(swapped).content_check, check);
}

TEST(EventIdentityTest, TheAdHashIsFilled) {
  EXPECT_NE(Parse("click,ad_id=a x=1 1").ad_hash, 0u);
  EXPECT_EQ(Parse("click,ad_id=a x=1 1").ad_hash, Parse("impression,ad_id=a y=2 5").ad_hash);
  EXPECT_NE(Parse("click,ad_id=a x=1 1").ad_hash, Parse("click,ad_id=b x=1 1").ad_hash);
}

TEST(EventIdentityTest, EqualMeaningGivesEqualHashesWhereverTheTextLies) {
  EventChunk chunk;
  Event event = Parse("click,ad_id=a,zone=z user_id=\"u\",os=\"x\" 1", &chunk);
  EventChunk moved;
  moved.text = "some other bytes first";
  Event copy;
  copy.kind = event.kind;
  copy.time_ns = event.time_ns;
  moved.Set(copy, Field::kUserId, moved.Append("u"), 1);
  moved.Set(copy, Field::kAdId, moved.Append("a"), 1);
  uint32_t os = moved.Append("osx");
  uint32_t zone = moved.Append("zonez");
  moved.extras = {{os, os + 2, 2, 1}, {zone, zone + 4, 4, 1}};
  copy.extra_count = 2;
  ComputeIdentity(moved, copy);
  EXPECT_EQ(copy.identity, event.identity);
  EXPECT_EQ(copy.content_check, event.content_check);
  EXPECT_EQ(copy.ad_hash, event.ad_hash);
}

// What a conversion takes from its click leaves its identity alone, so that a resend is known.
TEST(EventIdentityTest, WhatWasInheritedDoesNotCount) {
  for (const char* id : {"", ",event_id=\"v\""}) {
    const Event own = Parse("conversion click_id=\"c\",os=\"x\"" + std::string(id) + " 5");
    EventChunk chunk;
    Event joined = Parse(
        "conversion,ad_id=a,country=DE,zone=z click_id=\"c\",os=\"x\"" + std::string(id) + " 5", &chunk);
    EXPECT_NE(joined.content_check, own.content_check);
    joined.inherited =
        1U << static_cast<unsigned>(Field::kAdId) | 1U << static_cast<unsigned>(Field::kCountry);
    chunk.extras.at(1).inherited = true;
    ComputeIdentity(chunk, joined);
    EXPECT_EQ(joined.identity, own.identity);
    EXPECT_EQ(joined.content_check, own.content_check);
    EXPECT_EQ(joined.ad_hash, Parse("click,ad_id=a x=1 1").ad_hash);
  }
}

TEST(EventIdentityTest, TheParserFillsThePeople) {
  const Event both = Parse("click,ad_id=a user_id=\"u1\",ip=\"10.0.0.1\" 1");
  EXPECT_EQ(both.user, UserElement("u1"));
  EXPECT_EQ(both.address, AddressElement("10.0.0.1"));
  const Event neither = Parse("click,ad_id=a x=1 1");
  EXPECT_EQ(neither.user, kNoElement);
  EXPECT_EQ(neither.address, kNoElement);
  EXPECT_NE(Parse("click,ad_id=a ip=\"0.0.0.0\" 1").address, kNoElement);
}

TEST(EventIdentityTest, AnEventIdAloneGivesTheIdentity) {
  EXPECT_EQ(IdentityOfEventId(EventKind::kClick, "c-9"), Parse("click,ad_id=a event_id=\"c-9\" 1").identity);
  EXPECT_NE(IdentityOfEventId(EventKind::kClick, "c-9"), IdentityOfEventId(EventKind::kConversion, "c-9"));
}

}  // namespace
}  // namespace tallymark
