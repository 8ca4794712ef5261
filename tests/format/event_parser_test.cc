#include "format/event_parser.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace tallymark {
namespace {

struct Parsed {
  EventChunk chunk;
  ParseReport report;
};

Parsed Parse(std::string text, const EventParseOptions& options = {}, bool want_directives = false) {
  Parsed out;
  out.chunk.text = std::move(text);
  EventParser().Parse(options, want_directives, &out.chunk, &out.report);
  return out;
}

// The reason a line alone is rejected for, or "accepted".
std::string Reason(const std::string& line, const EventParseOptions& options = {}) {
  Parsed parsed = Parse(line, options);
  EXPECT_EQ(parsed.report.lines, 1u) << line;
  EXPECT_EQ(parsed.chunk.events.size() + parsed.report.rejected.size(), 1u) << line;
  if (parsed.report.rejected.empty()) return "accepted";
  const RejectedLine& rejected = parsed.report.rejected[0];
  EXPECT_EQ(parsed.chunk.text.substr(rejected.text_offset, rejected.text_size), line);
  EXPECT_FALSE(rejected.detail.empty()) << line;
  return std::string(RejectReasonName(rejected.reason));
}

std::string Get(const Parsed& parsed, Field field, size_t i = 0) {
  return std::string(parsed.chunk.Get(parsed.chunk.events.at(i), field));
}

// "name=value" of every extra in order.
std::string Extras(const Parsed& parsed, size_t i = 0) {
  std::string out;
  const Event& event = parsed.chunk.events.at(i);
  for (size_t k = 0; k < event.extra_count; ++k) {
    const Extra& extra = parsed.chunk.extras[event.extra_begin + k];
    out +=
        std::string(parsed.chunk.ExtraName(extra)) + "=" + std::string(parsed.chunk.ExtraValue(extra)) + ";";
  }
  return out;
}

// Every way in which four octets have one to three digits, read by each path.
TEST(EventParserTest, AddressesOfAnyLengthsAreTheirElements) {
  constexpr std::array<uint32_t, 6> kOctets = {0, 9, 10, 99, 100, 255};
  std::string lines;
  std::vector<uint32_t> expected;
  for (uint32_t a : kOctets) {
    for (uint32_t b : kOctets) {
      for (uint32_t c : kOctets) {
        for (uint32_t d : kOctets) {
          const std::string ip =
              std::to_string(a) + "." + std::to_string(b) + "." + std::to_string(c) + "." + std::to_string(d);
          lines.append("click,ad_id=a1 event_id=\"").append(ip).append("\",ip=\"").append(ip).append("\"\n");
          expected.push_back(a << 24 | b << 16 | c << 8 | d);
        }
      }
    }
  }
  for (auto isa : {EventParser::Isa::kBaseline, EventParser::Isa::kAvx2}) {
    Parsed parsed;
    parsed.chunk.text = lines;
    EventParser(isa).Parse({}, false, &parsed.chunk, &parsed.report);
    ASSERT_EQ(parsed.chunk.events.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      const Event& event = parsed.chunk.events[i];
      ASSERT_EQ(event.address, (DistinctElement{{0, 0, expected[i]}})) << parsed.chunk.Get(event, Field::kIp);
      ASSERT_EQ(event.address, AddressElement(parsed.chunk.Get(event, Field::kIp)));
    }
  }
}

TEST(EventParserTest, KindsAttributesMoneyAndTimeAreRead) {
  Parsed parsed = Parse(
      "impression,ad_id=ad001,country=USA event_id=\"i-77\",user_id=\"u1\",ip=\"207.1.1.22\" "
      "1609459200000000000\n"
      "conversion,ad_id=ad001,os=linux "
      "revenue=12.34,click_id=\"c-9\",campaign_id=7i,banner_id=8u,advertiser_id=9 5\n");
  ASSERT_EQ(parsed.chunk.events.size(), 2u);
  const Event& impression = parsed.chunk.events[0];
  EXPECT_EQ(impression.kind, EventKind::kImpression);
  EXPECT_EQ(impression.time_ns, 1609459200000000000);
  EXPECT_EQ(Get(parsed, Field::kAdId), "ad001");
  EXPECT_EQ(Get(parsed, Field::kCountry), "USA");
  EXPECT_EQ(Get(parsed, Field::kEventId), "i-77");
  EXPECT_EQ(Get(parsed, Field::kUserId), "u1");
  EXPECT_EQ(Get(parsed, Field::kIp), "207.1.1.22");
  EXPECT_FALSE(impression.Has(Field::kClickId));
  EXPECT_FALSE(impression.has_revenue);
  const Event& conversion = parsed.chunk.events[1];
  EXPECT_EQ(conversion.kind, EventKind::kConversion);
  EXPECT_TRUE(conversion.has_revenue);
  EXPECT_EQ(conversion.revenue_micros, 12'340'000);
  EXPECT_EQ(Get(parsed, Field::kCampaignId, 1), "7");
  EXPECT_EQ(Get(parsed, Field::kBannerId, 1), "8");
  EXPECT_EQ(Get(parsed, Field::kAdvertiserId, 1), "9");
  EXPECT_EQ(Extras(parsed, 1), "os=linux;");
  EXPECT_EQ(parsed.report.lines, 2u);
}

TEST(EventParserTest, ValuesAreTheirText) {
  Parsed parsed =
      Parse("click,z=tag ad_id=7i,a=007i,b=-0i,c=1.50,d=1e3,e=T,f=False,g=18u,h=\"a\\\"b\\\\c\" 1");
  EXPECT_EQ(Get(parsed, Field::kAdId), "7");
  EXPECT_EQ(Extras(parsed), "a=007;b=-0;c=1.50;d=1e3;e=T;f=False;g=18;h=a\"b\\c;z=tag;");
}

TEST(EventParserTest, EscapedNamesAndValuesAreUnescaped) {
  Parsed parsed = Parse(R"(click,ad_id=a\ d,my\ name=x\,y k\=ey="\n" 1)");
  EXPECT_EQ(Get(parsed, Field::kAdId), "a d");
  EXPECT_EQ(Extras(parsed), "k=ey=\n;my name=x,y;");
}

TEST(EventParserTest, TextsAreNotCopiedUnlessRewritten) {
  std::string plain = "click,ad_id=a ip=\"1.2.3.4\",x=\"\xC3\xA9\" 1\n";
  EXPECT_EQ(Parse(plain).chunk.text, plain);
  std::string rewritten = "click,ad_id=a ip=\"::0001\" 1\n";
  EXPECT_EQ(Parse(rewritten).chunk.text, rewritten + "::1");
  std::string rejected = "click,ad_id=a\\ b ip=\"::0001\",user_id=\"" + std::string(129, 'u') + "\" 1\n";
  EXPECT_EQ(Parse(rejected).chunk.text, rejected);
}

TEST(EventParserTest, ReadTimeStandsInForAMissingTimestamp) {
  EventParseOptions options{.unit_ns = 1'000'000, .read_time_ns = 42};
  Parsed parsed = Parse(
      "click,ad_id=a x=1\nclick,ad_id=a x=1\nclick,ad_id=a x=1 7\nclick,ad_id=a\nclick,ad_id=a 7\n", options);
  ASSERT_EQ(parsed.chunk.events.size(), 5u);
  EXPECT_EQ(parsed.chunk.events[0].time_ns, 42);
  EXPECT_EQ(parsed.chunk.events[1].time_ns, 42);
  EXPECT_EQ(parsed.chunk.events[2].time_ns, 7'000'000);
  EXPECT_EQ(parsed.chunk.events[3].time_ns, 42);
  EXPECT_EQ(parsed.chunk.events[4].time_ns, 7'000'000);
}

// Each was read at its own time, so equal ones are as many events in one chunk as in several.
TEST(EventParserTest, EachLineWithoutATimestampHasAReadTimeOfItsOwn) {
  EventParseOptions options{.read_time_ns = 42, .read_step_ns = 1};
  std::string lines;
  for (int i = 0; i < 200; ++i) lines += i % 50 == 7 ? "click,ad_id=a ip=\"1.2\"\n" : "click,ad_id=a\n";
  Parsed parsed = Parse(lines, options);
  ASSERT_EQ(parsed.chunk.events.size(), 196u);
  for (size_t i = 0; i < parsed.chunk.events.size(); ++i)
    EXPECT_EQ(parsed.chunk.events[i].time_ns, 42 + static_cast<int64_t>(i));
}

TEST(EventParserTest, EmptyIdsAndAddressesAreAbsentOthersMayBeEmpty) {
  Parsed parsed =
      Parse("click,ad_id=a event_id=\"\",ip=\"\",click_id=\"\",user_id=\"\",country=\"\",x=\"\" 1");
  const Event& event = parsed.chunk.events.at(0);
  EXPECT_FALSE(event.Has(Field::kEventId));
  EXPECT_FALSE(event.Has(Field::kIp));
  EXPECT_FALSE(event.Has(Field::kClickId));
  EXPECT_TRUE(event.Has(Field::kUserId));
  EXPECT_TRUE(event.Has(Field::kCountry));
  EXPECT_EQ(Extras(parsed), "x=;");
}

TEST(EventParserTest, AddressesAreCheckedAndCanonical) {
  EXPECT_EQ(Get(Parse("click,ad_id=a ip=\"2001:DB8::0:1\" 1"), Field::kIp), "2001:db8::1");
  EXPECT_EQ(Get(Parse("click,ad_id=a,ip=::ffff:1.2.3.4 x=1 1"), Field::kIp), "::ffff:1.2.3.4");
  for (const char* bad : {"1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", "::1::", "localhost", "1.2.3.4 "}) {
    EXPECT_EQ(Reason("click,ad_id=a ip=\"" + std::string(bad) + "\" 1"), "bad_ip") << bad;
  }
}

TEST(EventParserTest, RevenueIsReadFromItsText) {
  auto micros = [](const std::string& text) {
    return Parse("conversion,ad_id=a revenue=" + text + " 1").chunk.events.at(0).revenue_micros;
  };
  EXPECT_EQ(micros("12.34"), 12'340'000);
  EXPECT_EQ(micros("0.000001"), 1);
  EXPECT_EQ(micros("-0.1"), -100'000);
  EXPECT_EQ(micros("7i"), 7'000'000);
  EXPECT_EQ(micros("7u"), 7'000'000);
  EXPECT_EQ(micros("\"1.50\""), 1'500'000);
  EXPECT_EQ(micros("1.5e2"), 150'000'000);
  EXPECT_EQ(micros("9223372036854.775807"), INT64_MAX);  // a double would be off by 807
  for (const char* bad : {"0.0000001", "9223372036854.775808", "1e300", "\"\"", "\"x\"", "t", "\"1,5\""}) {
    EXPECT_EQ(Reason("conversion,ad_id=a revenue=" + std::string(bad) + " 1"), "bad_revenue") << bad;
  }
}

TEST(EventParserTest, EveryRuleHasItsReason) {
  EXPECT_EQ(Reason("view,ad_id=a x=1 1"), "unknown_kind");
  EXPECT_EQ(Reason("Click,ad_id=a x=1 1"), "unknown_kind");
  EXPECT_EQ(Reason("click,ad_id=a,x=1 x=1 1"), "duplicate_name");
  EXPECT_EQ(Reason("click,ad_id=a,ad_id=a x=1 1"), "duplicate_name");
  EXPECT_EQ(Reason("click,ad_id=a x=1,x=2 1"), "duplicate_name");
  EXPECT_EQ(Reason(R"(click,ad_id=a x\ y=1,x\ y=2 1)"), "duplicate_name");
  EXPECT_EQ(Reason("click revenue=1,ad_id=\"a\",revenue=1 1"), "duplicate_name");
  EXPECT_EQ(Reason("click x=1 1"), "no_ad");
  EXPECT_EQ(Reason("click ad_id=\"\" 1"), "no_ad");
  EXPECT_EQ(Reason("conversion click_id=\"\" 1"), "no_ad");
  EXPECT_EQ(Reason("click click_id=\"c\" 1"), "no_ad");
  EXPECT_EQ(Reason("click,ad_id=popular_ads x=1 1"), "reserved_ad");
  EXPECT_EQ(Reason("click,ad_id=popular_adz x=1 1"), "accepted");
  EXPECT_EQ(Reason("click,ad_id=a x=\"\xFF\" 1"), "not_utf8");
  EXPECT_EQ(Reason("click,ad_id=a x= 1"), "parse");
  EXPECT_EQ(Reason("click,ad_id=a x=1e999 1"), "parse");
  EXPECT_EQ(Reason("click"), "parse");
  EXPECT_EQ(Reason("#\x01"), "parse");
}

// In the strict way, and as a learnt shape.
TEST(EventParserTest, AConversionThatNamesItsClickNeedsNoAd) {
  const std::string line = "conversion click_id=\"c\",event_id=\"v\" 1\n";
  Parsed parsed =
      Parse(line + line + "conversion ad_id=\"\",click_id=\"c\" 1\n" +
            "conversion click_id=\"\",event_id=\"v\" 1\n" + "impression click_id=\"c\",event_id=\"v\" 1\n");
  ASSERT_EQ(parsed.chunk.events.size(), 3U);
  for (const Event& event : parsed.chunk.events) {
    EXPECT_FALSE(event.Has(Field::kAdId));
    EXPECT_EQ(event.ad_hash, 0U);
    EXPECT_EQ(parsed.chunk.Get(event, Field::kClickId), "c");
  }
  EXPECT_EQ(parsed.report.rejected.size(), 2U);
}

TEST(EventParserTest, LimitsAreExact) {
  auto with = [](const std::string& name, size_t size) {
    return "click,ad_id=a " + name + "=\"" + std::string(size, 'v') + "\" 1";
  };
  for (const char* id : {"event_id", "user_id", "click_id", "campaign_id", "banner_id", "advertiser_id"}) {
    EXPECT_EQ(Reason(with(id, 128)), "accepted") << id;
    EXPECT_EQ(Reason(with(id, 129)), "id_too_long") << id;
  }
  EXPECT_EQ(Reason("click,ad_id=" + std::string(128, 'a') + " x=1 1"), "accepted");
  EXPECT_EQ(Reason("click,ad_id=" + std::string(129, 'a') + " x=1 1"), "id_too_long");
  for (const char* name : {"country", "x"}) {
    EXPECT_EQ(Reason(with(name, 1024)), "accepted") << name;
    EXPECT_EQ(Reason(with(name, 1025)), "value_too_long") << name;
  }
  EXPECT_EQ(Reason(with(std::string(64, 'n'), 1)), "accepted");
  EXPECT_EQ(Reason(with(std::string(65, 'n'), 1)), "name_too_long");
  auto many = [](int count) {
    std::string line = "click,ad_id=a";
    for (int i = 1; i < count; ++i) line += ",t" + std::to_string(i) + "=v";
    return line + " 1";
  };
  EXPECT_EQ(Reason(many(32)), "accepted");
  EXPECT_EQ(Reason(many(33)), "too_many_attributes");
  EXPECT_EQ(Reason(with("x", kMaxLineBytes - 20)), "value_too_long");
  EXPECT_EQ(Reason(with("x", kMaxLineBytes)), "line_too_long");
  EXPECT_EQ(Parse("#" + std::string(kMaxLineBytes, 'c') + "\n").report.lines, 0u);
}

TEST(EventParserTest, TimesAreHeldAgainstTheBounds) {
  EventParseOptions options{.unit_ns = 1000, .oldest_ns = 5000, .newest_ns = 9000};
  EXPECT_EQ(Reason("click,ad_id=a x=1 4", options), "too_old");
  EXPECT_EQ(Reason("click,ad_id=a x=1 5", options), "accepted");
  EXPECT_EQ(Reason("click,ad_id=a x=1 9", options), "accepted");
  EXPECT_EQ(Reason("click,ad_id=a x=1 10", options), "in_future");
  EXPECT_EQ(Reason("click,ad_id=a x=1 -1", options), "too_old");
  EXPECT_EQ(Reason("click,ad_id=a x=1 9223372036854775807", options), "bad_time");
  EXPECT_EQ(Reason("click,ad_id=a x=1 9223372036854775808"), "bad_time");
  EXPECT_EQ(Reason("click,ad_id=a x=1 -9223372036854775808"), "accepted");
}

TEST(EventParserTest, ALearntShapeKeepsEveryRule) {
  // The first line teaches the shape; each that follows breaks one rule in it.
  std::string good =
      "click,ad_id=a,country=DE event_id=\"e\",ip=\"1.2.3.4\",n=1i,f=1.5,b=t,revenue=1.25,x=\"v\" 5\n";
  auto broken = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    line.replace(line.find(from), from.size(), to);
    EventParseOptions options{.oldest_ns = 2, .newest_ns = 100};
    Parsed parsed = Parse(good + good + line + good, options);
    EXPECT_EQ(parsed.report.lines, 4u);
    EXPECT_EQ(parsed.chunk.events.size(), 3u) << line;
    if (parsed.report.rejected.size() != 1) return std::string("accepted");
    EXPECT_EQ(parsed.report.rejected[0].line, 3u);
    return std::string(RejectReasonName(parsed.report.rejected[0].reason));
  };
  EXPECT_EQ(broken("ad_id=a", "ad_id=" + std::string(129, 'a')), "id_too_long");
  EXPECT_EQ(broken("ad_id=a", "ad_id=popular_ads"), "reserved_ad");
  EXPECT_EQ(broken("ad_id=a", "ad_id="), "parse");
  EXPECT_EQ(broken("=DE", "=\xFF"), "not_utf8");
  EXPECT_EQ(broken("=DE", "=" + std::string(1025, 'c')), "value_too_long");
  EXPECT_EQ(broken("1.2.3.4", "1.2.3.444"), "bad_ip");
  EXPECT_EQ(broken("n=1i", "n=i"), "parse");
  EXPECT_EQ(broken("n=1i", "n=99999999999999999999i"), "parse");
  EXPECT_EQ(broken("f=1.5", "f=1.5.5"), "parse");
  EXPECT_EQ(broken("b=t", "b=tru"), "parse");
  EXPECT_EQ(broken("1.25", "1.1234567"), "bad_revenue");
  EXPECT_EQ(broken("\"v\"", "\"v"), "parse");
  EXPECT_EQ(broken(" 5", " 1"), "too_old");
  EXPECT_EQ(broken(" 5", " 101"), "in_future");
  EXPECT_EQ(broken(" 5", " 99999999999999999999"), "bad_time");
}

TEST(EventParserTest, RejectionsSayWhere) {
  Parsed parsed =
      Parse("# c\nclick,ad_id=a x=1 1\r\n  click,ad_id=a x= 1\r\n\nclick,ad_id=a x=1,x=2 1\nclick x=1");
  ASSERT_EQ(parsed.report.rejected.size(), 3u);
  const auto& rejected = parsed.report.rejected;
  auto text = [&](size_t i) {
    return parsed.chunk.text.substr(rejected[i].text_offset, rejected[i].text_size);
  };
  EXPECT_EQ(text(0), "  click,ad_id=a x= 1");
  EXPECT_EQ(rejected[0].line, 3u);
  EXPECT_EQ(rejected[0].column, 19u);
  EXPECT_EQ(text(1), "click,ad_id=a x=1,x=2 1");
  EXPECT_EQ(rejected[1].line, 5u);
  EXPECT_EQ(rejected[1].column, 19u);
  EXPECT_EQ(text(2), "click x=1");
  EXPECT_EQ(rejected[2].line, 6u);
  EXPECT_EQ(rejected[2].column, 0u);
  EXPECT_EQ(parsed.report.lines, 4u);
  ASSERT_EQ(parsed.chunk.segments.size(), 1u);
  EXPECT_EQ(parsed.chunk.segments[0].event_end, 1u);
  EXPECT_EQ(parsed.chunk.segments[0].rejected, 3u);
}

TEST(EventParserTest, AStrayQuoteSwallowsNothingOnTcp) {
  std::string text = "click,ad_id=a x=\"1 1\nclick,ad_id=b x=\"2\" 2\n";
  Parsed tcp = Parse(text);
  ASSERT_EQ(tcp.chunk.events.size(), 1u);
  EXPECT_EQ(Get(tcp, Field::kAdId), "b");
  EXPECT_EQ(tcp.report.rejected.size(), 1u);
}

TEST(EventParserTest, StringsMaySpanLinesOverHttp) {
  EventParseOptions options;
  options.lf_always_ends_line = false;
  Parsed parsed = Parse("click,ad_id=a x=\"1\n2\" 1\nclick,ad_id=b x=\"3\n4 1\n\nclick x=\"5\" 1", options);
  ASSERT_EQ(parsed.chunk.events.size(), 1u);
  EXPECT_EQ(Extras(parsed), "x=1\n2;");
  ASSERT_EQ(parsed.report.rejected.size(), 1u);
  // The quote before the 5 ends the string of line 3; what follows it there is wrong.
  EXPECT_EQ(parsed.report.rejected[0].line, 6u);
  EXPECT_EQ(parsed.report.rejected[0].column, 10u);
}

TEST(EventParserTest, DirectivesCutSegments) {
  Parsed parsed = Parse(
      "click,ad_id=a x=1 1\nclick x=1 1\n#sync t-1\nclick,ad_id=a x=1 1\nclick,ad_id=b x=1 1\r\n#auth key\r\n"
      "#sync \n#sync a b\n#synch x\n # sync x\nclick,ad_id=b x=1 1",
      {}, true);
  ASSERT_EQ(parsed.report.directives.size(), 4u);
  const auto& directives = parsed.report.directives;
  EXPECT_EQ(directives[0].kind, Directive::Kind::kSync);
  EXPECT_EQ(directives[0].token, "t-1");
  EXPECT_TRUE(directives[0].valid);
  EXPECT_EQ(directives[0].segment, 0u);
  EXPECT_EQ(directives[1].kind, Directive::Kind::kAuth);
  EXPECT_EQ(directives[1].token, "key");
  EXPECT_EQ(directives[1].segment, 1u);
  EXPECT_FALSE(directives[2].valid);
  EXPECT_FALSE(directives[3].valid);
  const auto& segments = parsed.chunk.segments;
  ASSERT_EQ(segments.size(), 5u);
  EXPECT_EQ(segments[0].event_end, 1u);
  EXPECT_EQ(segments[0].rejected, 1u);
  EXPECT_EQ(segments[1].event_end, 3u);
  EXPECT_EQ(segments[1].rejected, 0u);
  EXPECT_EQ(segments[4].event_end, 4u);
  EXPECT_EQ(parsed.report.lines, 5u);
}

TEST(EventParserTest, DirectivesAreCommentsUnlessAskedFor) {
  Parsed parsed = Parse("#sync t\n#auth x\n");
  EXPECT_TRUE(parsed.report.directives.empty());
  EXPECT_EQ(parsed.report.lines, 0u);
  ASSERT_EQ(parsed.chunk.segments.size(), 1u);
  EXPECT_EQ(parsed.chunk.segments[0].event_end, 0u);
}

TEST(EventParserTest, TokensHaveOneTo64PrintableBytes) {
  auto valid = [](const std::string& token) {
    return Parse("#sync " + token, {}, true).report.directives.at(0).valid;
  };
  EXPECT_TRUE(valid(std::string(64, 'x')));
  EXPECT_FALSE(valid(std::string(65, 'x')));
  EXPECT_FALSE(valid("\x01"));
  EXPECT_FALSE(valid("\x7F"));
  EXPECT_FALSE(valid("\xC3\xA9"));
}

TEST(EventParserTest, ManyShapesInTurnAreAllRead) {
  std::string text;
  for (int i = 0; i < 600; ++i) {
    text += "click,ad_id=a" + std::to_string(i) + " s" + std::to_string(i % 12) +
            "=\"v\",n=" + std::to_string(i) + "i 1\n";
  }
  Parsed parsed = Parse(text);
  ASSERT_EQ(parsed.chunk.events.size(), 600u);
  for (size_t i = 0; i < 600; ++i) {
    EXPECT_EQ(Get(parsed, Field::kAdId, i), "a" + std::to_string(i));
    EXPECT_EQ(Extras(parsed, i), "n=" + std::to_string(i) + ";s" + std::to_string(i % 12) + "=v;");
  }
}

}  // namespace
}  // namespace tallymark
