// Arbitrary bytes as a raw block, with its checksum put right so that the structure is reached.
// What decodes must agree with its parts (one ad, count columns) and survive another round trip.

#include <cstdlib>

#include "format/raw_block.h"
#include "format/raw_block_layout.h"
#include "tests/format/raw_block_events.h"

namespace tallymark {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckParts(std::string_view block, const std::vector<PlainEvent>& events) {
  CountColumns columns;
  Require(DecodeCountColumns(block, &columns).ok());
  Require(columns.ads.size() == events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    Require(columns.ads[i] == events[i].ad && columns.times_ns[i] == events[i].time_ns);
    Require(columns.kinds[i] == events[i].kind);
    Require(columns.revenue_micros[i] == events[i].revenue_micros.value_or(0));
  }
  std::vector<PlainEvent> one_ad;
  uint32_t ad = events[events.size() / 2].ad;
  Require(DecodeEvents(block, &one_ad, &ad).ok());
  size_t next = 0;
  for (const PlainEvent& event : events) {
    if (event.ad == ad) Require(next < one_ad.size() && one_ad[next++] == event);
  }
  Require(next == one_ad.size());
}

void Check(std::string block) {
  if (block.size() < sizeof(RawBlockHeader)) return;
  SealRawBlock(block.data(), block.size());
  std::vector<PlainEvent> events;
  if (!DecodeEvents(block, &events).ok()) return;
  CheckParts(block, events);
  std::vector<PlainEvent> again;
  Require(DecodeEvents(EncodeEvents(events), &again).ok());
  Require(again == events);
}

}  // namespace
}  // namespace tallymark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tallymark::Check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
