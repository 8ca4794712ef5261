#ifndef TALLYMARK_FORMAT_RAW_BLOCK_LAYOUT_H_
#define TALLYMARK_FORMAT_RAW_BLOCK_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "format/event_chunk.h"
#include "format/status.h"

namespace tallymark {

// The frame of a raw block (raw_block.md): header, column bodies, directory. Shared by encoder,
// decoder and tests; users of raw blocks need raw_block.h only.

inline constexpr uint32_t kRawBlockMagic = 0x42524D54;  // "TMRB"
// The newest version that is read. Blocks without joined conversions are written as version 1.
inline constexpr uint16_t kRawBlockVersion = 2;
inline constexpr uint16_t kRawBlockVersionPlain = 1;

struct RawBlockHeader {
  uint32_t magic = kRawBlockMagic;
  uint16_t version = kRawBlockVersionPlain;
  uint16_t flags = 0;     // none is defined
  uint64_t checksum = 0;  // see RawBlockChecksum
  uint32_t size = 0;      // bytes of the whole block
  uint32_t count = 0;
  int64_t time_min_ns = 0;
  int64_t time_max_ns = 0;
  uint32_t ad_min = 0;
  uint32_t ad_max = 0;
  uint32_t column_count = 0;
  uint32_t directory_size = 0;  // the last bytes of the block
};
static_assert(sizeof(RawBlockHeader) == 56 && std::is_trivially_copyable_v<RawBlockHeader>);
static_assert(std::has_unique_object_representations_v<RawBlockHeader>, "no padding");

inline constexpr size_t kChecksumOffset = 8;
inline constexpr size_t kChecksumEnd = 16;
static_assert(offsetof(RawBlockHeader, checksum) == kChecksumOffset);

// What a column holds. Stored: never renumber. kField + Field is that attribute's column.
enum class RawColumn : uint8_t {
  kAds = 1,
  kTimes = 2,
  kKinds = 3,
  kRevenue = 4,
  kInherited = 5,  // since version 2
  kField = 16,
  kExtra = 64
};
constexpr uint8_t FieldColumn(Field field) {
  return static_cast<uint8_t>(static_cast<unsigned>(RawColumn::kField) + static_cast<unsigned>(field));
}

// The only encoding of the columns that are not text.
inline constexpr uint8_t kNumbersEncoding = 1;

// The layout byte of a directory entry: a RowSetForm, or'ed with kPerAd.
inline constexpr uint8_t kLayoutFormMask = 0x03;
inline constexpr uint8_t kLayoutPerAd = 0x04;  // one value an ad, not one an event

// One entry of the directory, in the order of the bodies.
struct RawColumnView {
  uint8_t column = 0;
  uint8_t encoding = 0;
  uint8_t layout = 0;
  std::string_view name;  // of an extra
  std::string_view body;

  bool Is(RawColumn which) const { return column == static_cast<uint8_t>(which); }
  std::string Name() const;  // for error messages
};

// XXH3_64bits of the bytes after the checksum, seeded with the eight bytes before it: every byte
// of the block counts. `block` holds a header at least.
uint64_t RawBlockChecksum(std::string_view block);

// Writes size and checksum over whatever the header says. `block` holds a header at least. The
// encoder's last step; tests use it to damage what a checksum would hide.
void SealRawBlock(char* block, size_t size);

// Checks magic, version, size, checksum and the header's own sense.
Status CheckRawBlock(std::string_view block, RawBlockHeader* header);

// CheckRawBlock, then reads the directory: known columns, each at most once, in order, with
// sizes that add up. *columns views `block`.
Status OpenRawBlock(std::string_view block, RawBlockHeader* header, std::vector<RawColumnView>* columns);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_RAW_BLOCK_LAYOUT_H_
