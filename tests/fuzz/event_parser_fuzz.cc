// EventParser on any bytes: the learnt paths must give what the strict path gives. The first byte
// chooses the options.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "format/event_parser.h"
#include "format/event_slow_path.h"

namespace {

using tallymark::Event;
using tallymark::EventChunk;
using tallymark::EventParseOptions;
using tallymark::EventParser;
using tallymark::Extra;
using tallymark::Field;
using tallymark::ParseReport;

void Require(bool condition) {
  if (!condition) std::abort();
}

void RequireSameEvent(const EventChunk& a, const Event& x, const EventChunk& b, const Event& y) {
  Require(x.kind == y.kind && x.time_ns == y.time_ns && x.ad_hash == y.ad_hash);
  Require(x.identity == y.identity && x.content_check == y.content_check);
  Require(x.has_revenue == y.has_revenue && x.revenue_micros == y.revenue_micros);
  Require(x.extra_begin == y.extra_begin && x.extra_count == y.extra_count);
  for (int i = 0; i < tallymark::kFieldCount; ++i) {
    auto field = static_cast<Field>(i);
    Require(x.Has(field) == y.Has(field) && a.Get(x, field) == b.Get(y, field));
  }
  for (uint32_t i = x.extra_begin; i < x.extra_begin + x.extra_count; ++i) {
    Require(a.ExtraName(a.extras[i]) == b.ExtraName(b.extras[i]));
    Require(a.ExtraValue(a.extras[i]) == b.ExtraValue(b.extras[i]));
  }
}

void RequireSame(const EventChunk& a, const ParseReport& p, const EventChunk& b, const ParseReport& q) {
  Require(a.events.size() == b.events.size() && a.extras.size() == b.extras.size());
  for (size_t i = 0; i < a.events.size(); ++i) RequireSameEvent(a, a.events[i], b, b.events[i]);
  Require(p.lines == q.lines && p.rejected.size() == q.rejected.size());
  Require(p.lines == a.events.size() + p.rejected.size());
  for (size_t i = 0; i < p.rejected.size(); ++i) {
    const auto& x = p.rejected[i];
    const auto& y = q.rejected[i];
    Require(x.reason == y.reason && x.line == y.line && x.column == y.column && x.detail == y.detail);
    Require(x.text_offset == y.text_offset && x.text_size == y.text_size);
  }
  Require(a.segments.size() == b.segments.size() && p.directives.size() == q.directives.size());
  for (size_t i = 0; i < a.segments.size(); ++i) {
    Require(a.segments[i].event_end == b.segments[i].event_end &&
            a.segments[i].rejected == b.segments[i].rejected);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  EventParseOptions options;
  options.read_time_ns = 1000;
  options.unit_ns = (data[0] & 1) != 0 ? 1000 : 1;
  options.lf_always_ends_line = (data[0] & 2) == 0;
  if ((data[0] & 4) != 0) options.oldest_ns = 100;
  if ((data[0] & 4) != 0) options.newest_ns = 2'000'000'000'000'000'000;
  bool directives = (data[0] & 8) != 0;
  EventChunk expected;
  expected.text = text;
  ParseReport expected_report;
  tallymark::ParseEventsSlowly(options, directives, &expected, &expected_report);
  for (EventParser::Isa isa : {EventParser::Isa::kBaseline, EventParser::Isa::kAvx2}) {
    EventParser parser(isa);
    // Twice: the second time with everything learnt.
    for (int round = 0; round < 2; ++round) {
      EventChunk chunk;
      chunk.text = text;
      chunk.text.shrink_to_fit();
      ParseReport report;
      parser.Parse(options, directives, &chunk, &report);
      RequireSame(chunk, report, expected, expected_report);
    }
  }
  return 0;
}
