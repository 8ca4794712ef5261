#include "engine/joined_conversion.h"

#include "format/event_identity.h"

namespace tallymark {
namespace {

void CopyField(const EventChunk& from_chunk, const Event& from, Field field, EventChunk* chunk,
               Event* event) {
  const std::string_view text = from_chunk.Get(from, field);
  chunk->Set(*event, field, chunk->Append(text), text.size());
}

void CopyExtra(const EventChunk& from_chunk, const Extra& from, bool inherited, EventChunk* chunk) {
  Extra extra;
  extra.name_offset = chunk->Append(from_chunk.ExtraName(from));
  extra.name_size = from.name_size;
  extra.value_offset = chunk->Append(from_chunk.ExtraValue(from));
  extra.value_size = from.value_size;
  extra.inherited = inherited;
  chunk->extras.push_back(extra);
}

// Both lists are sorted by name, and so is what comes of them.
void MergeExtras(const EventChunk& own_chunk, const Event& own, const EventChunk& click_chunk,
                 const Event& click, EventChunk* chunk) {
  uint32_t i = 0;
  uint32_t k = 0;
  while (i < own.extra_count || k < click.extra_count) {
    const Extra* mine = i < own.extra_count ? &own_chunk.extras[own.extra_begin + i] : nullptr;
    const Extra* its = k < click.extra_count ? &click_chunk.extras[click.extra_begin + k] : nullptr;
    const int order = mine == nullptr  ? 1
                      : its == nullptr ? -1
                                       : own_chunk.ExtraName(*mine).compare(click_chunk.ExtraName(*its));
    if (order <= 0) {
      CopyExtra(own_chunk, *mine, false, chunk);
      ++i;
      if (order == 0) ++k;
    } else {
      CopyExtra(click_chunk, *its, true, chunk);
      ++k;
    }
  }
}

}  // namespace

EventChunk JoinToClick(const EventChunk& conversion_chunk, const Event& conversion,
                       const EventChunk& click_chunk, const Event& click) {
  EventChunk chunk;
  Event event = conversion;
  for (unsigned f = 0; f < kFieldCount; ++f) {
    const auto field = static_cast<Field>(f);
    if (conversion.Has(field)) {
      CopyField(conversion_chunk, conversion, field, &chunk, &event);
    } else if (click.Has(field) && (kInheritableFields >> f & 1U) != 0) {
      CopyField(click_chunk, click, field, &chunk, &event);
      event.inherited = static_cast<uint8_t>(event.inherited | 1U << f);
    }
  }
  event.ad_hash = click.ad_hash;
  event.extra_begin = 0;
  MergeExtras(conversion_chunk, conversion, click_chunk, click, &chunk);
  event.extra_count = static_cast<uint8_t>(chunk.extras.size());
  ComputePeople(chunk, event);
  chunk.events.push_back(event);
  return chunk;
}

}  // namespace tallymark
