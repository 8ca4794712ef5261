#ifndef TALLYMARK_FORMAT_RAW_BLOCK_H_
#define TALLYMARK_FORMAT_RAW_BLOCK_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/event_chunk.h"
#include "format/status.h"

namespace tallymark {

inline constexpr size_t kRawBlockEventsMax = 8192;

// One event to encode: where it lives and the dense number of its ad.
struct EventRef {
  const EventChunk* chunk = nullptr;
  const Event* event = nullptr;
  uint32_t ad = 0;  // internal number of the ad id; the id's text is not stored in the block
};

// What can be known of a block without decoding its columns.
struct RawBlockInfo {
  uint32_t count = 0;
  int64_t time_min_ns = 0;
  int64_t time_max_ns = 0;
  uint32_t ad_min = 0;
  uint32_t ad_max = 0;
};

// Encodes 1..kRawBlockEventsMax events, already sorted by ad, into a columnar block (layout in
// raw_block.md) and appends it to *out. The ad id's text is left out; everything else round-trips
// exactly. Deterministic: equal input, equal bytes. Keep one encoder per thread: it reuses its
// scratch memory. Not thread safe.
class RawBlockEncoder {
 public:
  RawBlockEncoder();
  ~RawBlockEncoder();
  void Encode(std::span<const EventRef> rows, std::string* out);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

// Checks magic, version, size and checksum and reads the header. Corruption says what is wrong.
Result<RawBlockInfo> ReadRawBlockInfo(std::string_view block);

// Whether some event of the block carries one of these fields (ad_id, which has no column, is none
// of them). Decodes no column. Corruption as for ReadRawBlockInfo.
Result<bool> RawBlockCarries(std::string_view block, std::span<const Field> fields);

// Only the columns the counters need: ads (per event), times, kinds, revenue. Used by replay of
// the counter views; much cheaper than a whole decode. Checksum verified.
struct CountColumns {
  std::vector<uint32_t> ads;
  std::vector<int64_t> times_ns;
  std::vector<EventKind> kinds;
  std::vector<int64_t> revenue_micros;  // 0 where the event has none
};
Status DecodeCountColumns(std::string_view block, CountColumns* out);

// Only the columns that distinct counts need. `users` and `ips` are empty views where the event has
// none; they point into `text`, which the next decode overwrites. Checksum verified.
struct PeopleColumns {
  std::vector<uint32_t> ads;
  std::vector<int64_t> times_ns;
  std::vector<std::string_view> users;
  std::vector<std::string_view> ips;
  std::string text;
};
Status DecodePeopleColumns(std::string_view block, PeopleColumns* out);

// Decodes every event, or only those of `only_ad` when it is not null, appending to chunk->events
// (and extras, text) and the ad numbers to *ads. The decoded events have no ad id text and no
// ad_hash: the caller knows the name behind the number. identity and content_check are NOT
// computed, since the ad id's text enters both: set the ad id, then call ComputeIdentity.
// On Corruption the outputs are unspecified but valid.
Status DecodeRawBlock(std::string_view block, const uint32_t* only_ad, EventChunk* chunk,
                      std::vector<uint32_t>* ads);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_RAW_BLOCK_H_
