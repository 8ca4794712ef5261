#ifndef TALLYMARK_FORMAT_BLOCK_INDEX_H_
#define TALLYMARK_FORMAT_BLOCK_INDEX_H_

#include <string>
#include <string_view>

#include "format/raw_block.h"

namespace tallymark {

// The value of a `raw_hours` record: what a reader must know of a raw block to pass it over. Its
// key's hour is the block's; for a block that spans hours it is the first hour of its day.
struct BlockIndexEntry {
  RawBlockInfo info;
  bool spans_hours = false;  // events of several hours of one UTC day
};

// 30 bytes: version 1, flags (bit 0: spans_hours), count, time_min, time_max, ad_min, ad_max;
// fixed little-endian integers.
std::string EncodeBlockIndex(const BlockIndexEntry& entry);
bool DecodeBlockIndex(std::string_view bytes, BlockIndexEntry* entry);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_BLOCK_INDEX_H_
