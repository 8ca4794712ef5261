#ifndef TALLYMARK_ENGINE_BLOCK_READER_H_
#define TALLYMARK_ENGINE_BLOCK_READER_H_

#include <string_view>
#include <vector>

#include "engine/ad_table.h"
#include "engine/engine.h"
#include "format/raw_block.h"

namespace tallymark {

// Decodes a raw block (all of it, or one ad's events) and makes its events whole again: the ad id's
// text is set from the table, then identity and content check are computed. Appends to *chunk and
// *ads. Corruption when the block is damaged or names an ad that does not exist.
Status ReadBlock(std::string_view block, const AdTable& table, const uint32_t* only_ad, EventChunk* chunk,
                 std::vector<uint32_t>* ads);

// An event as queries and tools show it.
RawEvent ToRawEvent(const EventChunk& chunk, const Event& event);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_BLOCK_READER_H_
