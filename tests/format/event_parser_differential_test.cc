// Random lines, good and broken, through every way of parsing: all must give the same.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "format/event_parser.h"
#include "format/event_slow_path.h"

namespace tallymark {
namespace {

using Random = std::mt19937_64;

std::string Pick(Random& random, std::initializer_list<const char*> from) {
  return *(from.begin() + static_cast<ptrdiff_t>(random() % from.size()));
}

std::string Text(Random& random) {
  std::string out;
  size_t size = random() % 8 == 0 ? random() % 200 : random() % 12;
  for (size_t i = 0; i < size; ++i) out += "abcdefghij0123456789-_.:/"[random() % 25];
  return out;
}

std::string Ip(Random& random) {
  if (random() % 4 == 0)
    return Pick(random, {"::1", "2001:DB8::1", "1.2.3", "256.1.1.1", "", "01.2.3.4", "::ffff:1.2.3.4"});
  std::string out;
  for (int i = 0; i < 4; ++i)
    out += (i > 0 ? "." : "") + std::to_string(random() % (random() % 40 == 0 ? 300 : 256));
  return out;
}

std::string Money(Random& random) {
  return std::to_string(random() % 1000) + "." + std::to_string(random() % 2'000'000);
}

std::string FieldValueText(Random& random, const std::string& name) {
  if (name == "ip") return "\"" + Ip(random) + "\"";
  if (name == "revenue") return Money(random);
  switch (random() % 8) {
    case 0:
      return std::to_string(static_cast<int>(random() % 2000) - 1000) + "i";
    case 1:
      return std::to_string(random() >> (random() % 64)) + "u";
    case 2:
      return std::to_string(random() % 1000) + "." + std::to_string(random() % 10'000'000);
    case 3:
      return Pick(random, {"t", "T", "true", "FALSE", "f", "1e5", "-1", ".5", "5.", "-", "1e999"});
    default:
      return "\"" + Text(random) + "\"";
  }
}

// A shape is drawn from few seeds, so that shapes come back and are learnt.
std::string Line(Random& random) {
  Random shape(random() % 24);
  std::string line = Pick(shape, {"click", "impression", "conversion", "click", "impression", "view"});
  std::vector<std::string> names = {"country", "ip",   "user_id", "event_id", "click_id", "campaign_id",
                                    "x",       "zone", "revenue", "os",       "a b",      "banner_id"};
  std::shuffle(names.begin(), names.end(), shape);
  if (shape() % 8 == 0) names[1] = names[0];  // a duplicate
  bool ad_is_tag = shape() % 4 != 0;
  if (ad_is_tag)
    line += ",ad_id=" + (random() % 50 == 0 ? "popular_ads" : "ad" + std::to_string(random() % 1000));
  size_t next_name = 0;
  for (size_t i = shape() % 4; i > 0; --i) {
    std::string name = names[next_name++];
    if (name == "a b") name = "a\\ b";
    line += "," + name + "=" +
            (name == "ip"        ? Ip(random)
             : name == "revenue" ? Money(random)
                                 : "t" + Text(random));
  }
  std::string separator = " ";
  if (!ad_is_tag) {
    line += " ad_id=" + FieldValueText(random, "ad_id");
    separator = ",";
  }
  for (size_t i = shape() % 6; i > 0; --i, separator = ",") {
    std::string name = names[next_name++];
    line += separator + name + "=" + FieldValueText(random, name);
  }
  if (shape() % 5 != 0) line += " " + std::to_string(random() >> (random() % 64));
  return line;
}

void Mutate(Random& random, std::string* line) {
  static constexpr std::string_view kBytes(" ,=\"\\\n\r\t\0#iu.-09a\x7F\x80\xC3\xA9\xFF", 22);
  for (size_t n = 1 + random() % 3; n > 0 && !line->empty(); --n) {
    size_t at = random() % line->size();
    char byte = kBytes[random() % kBytes.size()];
    switch (random() % 4) {
      case 0:
        line->insert(at, 1, byte);
        break;
      case 1:
        line->erase(at, 1 + random() % 3);
        break;
      case 2:
        line->insert(at, line->substr(at, random() % 20));
        break;
      default:
        (*line)[at] = byte;
    }
  }
}

std::string Input(Random& random) {
  std::string text;
  for (size_t n = random() % 40; n > 0; --n) {
    std::string line = Line(random);
    if (random() % 4 == 0) Mutate(random, &line);
    if (random() % 30 == 0) line = Pick(random, {"", "# comment", "#sync a", "#auth b c", "   ", "\r"});
    text += line + (random() % 10 == 0 ? "\r\n" : "\n");
  }
  if (!text.empty() && random() % 2 == 0) text.pop_back();
  return text;
}

// All that a parse found, as text; offsets are left out, since rewritten texts may lie elsewhere.
std::string Describe(const EventChunk& chunk, const ParseReport& report) {
  std::string out = std::to_string(report.lines) + " lines\n";
  for (const Event& event : chunk.events) {
    out += std::string(EventKindName(event.kind)) + " " + std::to_string(event.time_ns) + " " +
           std::to_string(event.identity.hi) + " " + std::to_string(event.identity.lo) + " " +
           std::to_string(event.content_check) + " " + std::to_string(event.ad_hash);
    for (uint32_t word : event.user.word) out += " " + std::to_string(word);
    for (uint32_t word : event.address.word) out += " " + std::to_string(word);
    if (event.has_revenue) out += " revenue " + std::to_string(event.revenue_micros);
    for (int i = 0; i < kFieldCount; ++i) {
      auto field = static_cast<Field>(i);
      if (event.Has(field))
        out += " " + std::string(FieldName(field)) + "=" + std::string(chunk.Get(event, field));
    }
    for (uint32_t i = 0; i < event.extra_count; ++i) {
      const Extra& extra = chunk.extras[event.extra_begin + i];
      out += " +" + std::string(chunk.ExtraName(extra)) + "=" + std::string(chunk.ExtraValue(extra));
    }
    out += "\n";
  }
  for (const RejectedLine& line : report.rejected) {
    out += std::string(RejectReasonName(line.reason)) + " " + std::to_string(line.line) + ":" +
           std::to_string(line.column) + " " + line.detail + " " +
           chunk.text.substr(line.text_offset, line.text_size) + "\n";
  }
  for (const ChunkSegment& segment : chunk.segments) {
    out += "segment " + std::to_string(segment.event_end) + " " + std::to_string(segment.rejected) + "\n";
  }
  for (const Directive& directive : report.directives) {
    out += "directive " + std::to_string(directive.segment) + " " + directive.token + "\n";
  }
  return out;
}

template <class ParseFunction>
std::string ParseAndDescribe(const std::string& text, ParseFunction parse) {
  EventChunk chunk;
  chunk.text = text;
  chunk.text.shrink_to_fit();
  ParseReport report;
  parse(&chunk, &report);
  return Describe(chunk, report);
}

TEST(EventParserDifferentialTest, EveryPathGivesTheSame) {
  auto seed = static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  EventParser best;
  EventParser baseline(EventParser::Isa::kBaseline);
  EventParser avx2(EventParser::Isa::kAvx2);
  size_t accepted = 0;
  size_t lines = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string text = Input(random);
    EventParseOptions options;
    options.unit_ns = random() % 2 == 0 ? 1 : 1000;
    options.read_time_ns = 77;
    options.read_step_ns = static_cast<int64_t>(random() % 3);
    options.oldest_ns = random() % 2 == 0 ? options.oldest_ns : 1000;
    options.newest_ns = random() % 2 == 0 ? options.newest_ns : 1'000'000'000'000'000'000;
    options.lf_always_ends_line = random() % 2 == 0;
    bool directives = random() % 2 == 0;
    std::string expected = ParseAndDescribe(text, [&](EventChunk* chunk, ParseReport* report) {
      ParseEventsSlowly(options, directives, chunk, report);
      accepted += chunk->events.size();
      lines += report->lines;
    });
    for (EventParser* parser : {&best, &baseline, &avx2}) {
      ASSERT_EQ(ParseAndDescribe(text,
                                 [&](EventChunk* chunk, ParseReport* report) {
                                   parser->Parse(options, directives, chunk, report);
                                 }),
                expected)
          << "round " << round << "\n"
          << text;
    }
  }
  EXPECT_GT(accepted, 20'000u);  // else the test has lost its grip
}

}  // namespace
}  // namespace tallymark
