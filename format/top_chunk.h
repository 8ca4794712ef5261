#ifndef TALLYMARK_FORMAT_TOP_CHUNK_H_
#define TALLYMARK_FORMAT_TOP_CHUNK_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/status.h"

namespace tallymark {

// One ad's amount in one bucket. Amounts are what one checkpoint added: chunks of a bucket add up.
struct TopPair {
  uint32_t ad = 0;
  int64_t amount = 0;  // counts are > 0; revenue may be negative
};

inline constexpr size_t kTopChunkPairsMax = 16'384;

// Appends the bytes of a chunk: 1..kTopChunkPairsMax pairs sorted by ad, ads unique (layout in
// top_chunk.md; 1.0 to 1.5 bytes a pair of Zipf traffic). Aborts on anything else.
void EncodeTopChunk(std::span<const TopPair> pairs, std::string* out);

// Adds every pair to totals[ad] (totals.size() > greatest ad, else Corruption, nothing added
// beyond it). The hot path of top lists: no allocation. Corruption when the checksum or the
// structure is wrong; Exhausted when a total leaves 64 bits. After either, totals are unspecified.
Status AddTopChunk(std::string_view bytes, std::span<int64_t> totals);

// Replaces *pairs by the chunk's.
Status DecodeTopChunk(std::string_view bytes, std::vector<TopPair>* pairs);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_TOP_CHUNK_H_
