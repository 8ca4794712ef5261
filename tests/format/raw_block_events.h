#ifndef TALLYMARK_TESTS_FORMAT_RAW_BLOCK_EVENTS_H_
#define TALLYMARK_TESTS_FORMAT_RAW_BLOCK_EVENTS_H_

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "format/event_identity.h"
#include "format/raw_block.h"

namespace tallymark {

// An event with its texts inside, to write and compare in tests.
struct PlainEvent {
  uint32_t ad = 0;
  int64_t time_ns = 0;
  EventKind kind = EventKind::kClick;
  std::optional<int64_t> revenue_micros{};
  std::map<Field, std::string> fields{};
  std::map<std::string, std::string> extras{};
  uint8_t inherited = 0;  // as Event::inherited
  std::set<std::string> inherited_extras{};

  friend bool operator==(const PlainEvent&, const PlainEvent&) = default;
};

// Events in a chunk, with the references that an encoder wants. The chunk's texts lie apart from
// one another, as in parsed lines, so that reading past a text's end shows.
class EventSource {
 public:
  explicit EventSource(const std::vector<PlainEvent>& events) {
    for (const PlainEvent& plain : events) Add(plain);
    for (size_t i = 0; i < events.size(); ++i) rows_.push_back({&chunk_, &chunk_.events[i], events[i].ad});
  }
  const std::vector<EventRef>& rows() const { return rows_; }

 private:
  void Add(const PlainEvent& plain) {
    Event event;
    event.time_ns = plain.time_ns;
    event.kind = plain.kind;
    event.has_revenue = plain.revenue_micros.has_value();
    event.revenue_micros = plain.revenue_micros.value_or(0);
    event.inherited = plain.inherited;
    for (const auto& [field, text] : plain.fields) chunk_.Set(event, field, Store(text), text.size());
    event.extra_begin = static_cast<uint32_t>(chunk_.extras.size());
    event.extra_count = static_cast<uint8_t>(plain.extras.size());
    for (const auto& [name, value] : plain.extras) {
      Extra extra;
      extra.name_offset = Store(name);
      extra.name_size = static_cast<uint16_t>(name.size());
      extra.value_offset = Store(value);
      extra.value_size = static_cast<uint16_t>(value.size());
      extra.inherited = plain.inherited_extras.contains(name);
      chunk_.extras.push_back(extra);
    }
    ComputePeople(chunk_, event);
    chunk_.events.push_back(event);
  }
  uint32_t Store(std::string_view text) {
    chunk_.Append("7,");
    uint32_t offset = chunk_.Append(text);
    chunk_.Append("7,");
    return offset;
  }

  EventChunk chunk_;
  std::vector<EventRef> rows_;
};

inline std::vector<PlainEvent> ToPlain(const EventChunk& chunk, const std::vector<uint32_t>& ads) {
  std::vector<PlainEvent> plain(chunk.events.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    const Event& event = chunk.events[i];
    plain[i].ad = ads.at(i);
    plain[i].time_ns = event.time_ns;
    plain[i].kind = event.kind;
    if (event.has_revenue) plain[i].revenue_micros = event.revenue_micros;
    plain[i].inherited = event.inherited;
    for (int f = 0; f < kFieldCount; ++f) {
      auto field = static_cast<Field>(f);
      if (event.Has(field)) plain[i].fields[field] = chunk.Get(event, field);
    }
    for (size_t x = 0; x < event.extra_count; ++x) {
      const Extra& extra = chunk.extras.at(event.extra_begin + x);
      plain[i].extras[std::string(chunk.ExtraName(extra))] = chunk.ExtraValue(extra);
      if (extra.inherited) plain[i].inherited_extras.emplace(chunk.ExtraName(extra));
    }
  }
  return plain;
}

inline std::string EncodeEvents(const std::vector<PlainEvent>& events) {
  std::string block;
  RawBlockEncoder().Encode(EventSource(events).rows(), &block);
  return block;
}

inline Status DecodeEvents(std::string_view block, std::vector<PlainEvent>* events,
                           const uint32_t* only_ad = nullptr) {
  EventChunk chunk;
  std::vector<uint32_t> ads;
  Status status = DecodeRawBlock(block, only_ad, &chunk, &ads);
  if (status.ok()) *events = ToPlain(chunk, ads);
  return status;
}

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_FORMAT_RAW_BLOCK_EVENTS_H_
