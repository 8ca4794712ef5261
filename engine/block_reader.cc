#include "engine/block_reader.h"

#include <xxhash.h>

#include "format/event_identity.h"

namespace tallymark {

Status ReadBlock(std::string_view block, const AdTable& table, const uint32_t* only_ad, EventChunk* chunk,
                 std::vector<uint32_t>* ads) {
  const size_t first = chunk->events.size();
  Status decoded = DecodeRawBlock(block, only_ad, chunk, ads);
  if (!decoded.ok()) return decoded;
  uint32_t last_ad = 0;
  uint32_t offset = 0;
  std::string_view name;
  uint64_t hash = 0;
  for (size_t i = first; i < chunk->events.size(); ++i) {
    const uint32_t ad = (*ads)[i];
    if (i == first || ad != last_ad) {
      if (ad >= table.size()) return Status::Corruption("a raw block names ad " + std::to_string(ad));
      name = table.Name(ad);
      offset = chunk->Append(name);
      hash = XXH3_64bits(name.data(), name.size());
      last_ad = ad;
    }
    Event& event = chunk->events[i];
    chunk->Set(event, Field::kAdId, offset, name.size());
    event.ad_hash = hash;
    ComputeIdentity(*chunk, event);
  }
  return Status::Ok();
}

RawEvent ToRawEvent(const EventChunk& chunk, const Event& event) {
  RawEvent raw;
  raw.kind = event.kind;
  raw.time_ns = event.time_ns;
  for (int i = 0; i < kFieldCount; ++i) {
    auto field = static_cast<Field>(i);
    if (event.Has(field)) raw.attributes.emplace_back(FieldName(field), chunk.Get(event, field));
    if (event.Inherited(field)) raw.inherited.emplace_back(FieldName(field));
  }
  for (uint32_t i = 0; i < event.extra_count; ++i) {
    const Extra& extra = chunk.extras[event.extra_begin + i];
    raw.attributes.emplace_back(chunk.ExtraName(extra), chunk.ExtraValue(extra));
    if (extra.inherited) raw.inherited.emplace_back(chunk.ExtraName(extra));
  }
  if (event.has_revenue) raw.revenue_micros = event.revenue_micros;
  return raw;
}

}  // namespace tallymark
