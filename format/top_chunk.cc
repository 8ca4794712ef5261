#include "format/top_chunk.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "format/checksum.h"
#include "format/coding.h"

namespace tallymark {
namespace {

constexpr uint8_t kVersion = 1;
constexpr unsigned kInlineBitsMax = 6;
constexpr uint8_t kInlineBitsMask = 0x07;
constexpr uint8_t kSignedFlag = 0x80;
constexpr size_t kChecksumBytes = 4;
constexpr size_t kVarintMax = 10;
constexpr size_t kPairBytesMax = 2 * kVarintMax;  // what a reader may touch of one pair
constexpr uint64_t kGapMax = std::numeric_limits<uint32_t>::max();
constexpr size_t kSampledPairs = 1024;
// Before the first ad, so that its gap is its number. Wraps to 0 when the gap is added.
constexpr uint64_t kNoAd = std::numeric_limits<uint64_t>::max();

struct Header {
  uint8_t version = kVersion;
  uint8_t flags = 0;  // kInlineBitsMask: bits of an amount inside its token; kSignedFlag
  uint16_t count = 0;
};
static_assert(sizeof(Header) == 4 && std::has_unique_object_representations_v<Header>);

// A pair is a token, (gap << bits) | amount, and, where the amount does not fit its bits, 0 there
// and a varint after it.
struct Coding {
  unsigned bits = 0;
  bool has_sign = false;

  uint64_t InlineEnd() const { return uint64_t{1} << bits; }
  bool IsInline(int64_t amount) const { return amount > 0 && static_cast<uint64_t>(amount) < InlineEnd(); }
  uint64_t Escaped(int64_t amount) const {
    return has_sign ? ZigZag(amount) : static_cast<uint64_t>(amount) - InlineEnd();
  }
};

size_t VarintSize(uint64_t value) { return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7; }

size_t PairSize(const Coding& coding, uint64_t gap, int64_t amount) {
  size_t token = VarintSize(gap << coding.bits);
  return coding.IsInline(amount) ? token : token + VarintSize(coding.Escaped(amount));
}

uint64_t GapBefore(std::span<const TopPair> pairs, size_t i) {
  return i == 0 ? pairs[0].ad : uint64_t{pairs[i].ad} - pairs[i - 1].ad - 1;
}

// Dense lists of large amounts want many inline bits, thin lists of single clicks few. Lists are
// alike all along, so a sample decides.
Coding ChooseCoding(std::span<const TopPair> pairs) {
  bool has_sign = std::ranges::any_of(pairs, [](const TopPair& pair) { return pair.amount <= 0; });
  std::array<size_t, kInlineBitsMax + 1> sizes{};
  size_t stride = 1 + pairs.size() / kSampledPairs;
  for (size_t i = 0; i < pairs.size(); i += stride) {
    for (unsigned bits = 0; bits <= kInlineBitsMax; ++bits) {
      sizes[bits] += PairSize({bits, has_sign}, GapBefore(pairs, i), pairs[i].amount);
    }
  }
  auto best = std::ranges::min_element(sizes) - sizes.begin();
  return {static_cast<unsigned>(best), has_sign};
}

// An unsorted chunk could not be read back: our bug, and better to stop than to store.
void RequireEncodable(std::span<const TopPair> pairs) {
  bool ok = !pairs.empty() && pairs.size() <= kTopChunkPairsMax;
  for (size_t i = 1; ok && i < pairs.size(); ++i) ok = pairs[i - 1].ad < pairs[i].ad;
  if (!ok) std::abort();
}

Status Bad(const char* what) { return Status::Corruption(std::string("top chunk: ") + what); }

// The caller has made sure of kVarintMax bytes. Null: no varint of 64 bits.
inline const uint8_t* ReadVarint(const uint8_t* at, uint64_t* value) {
  uint64_t result = *at++;
  if (result >= 0x80) [[unlikely]] {
    result &= 0x7F;
    unsigned shift = 7;
    uint8_t byte = 0;
    do {
      byte = *at++;
      if (shift == 63 && byte > 1) return nullptr;
      result |= static_cast<uint64_t>(byte & 0x7F) << shift;
      shift += 7;
    } while (byte >= 0x80);
  }
  *value = result;
  return at;
}

template <bool HasSign>
inline const uint8_t* ReadPair(const uint8_t* at, unsigned bits, uint64_t* gap, int64_t* amount) {
  uint64_t token = 0;
  at = ReadVarint(at, &token);
  if (at == nullptr) return nullptr;
  *gap = token >> bits;
  uint64_t small = token & ((uint64_t{1} << bits) - 1);
  *amount = static_cast<int64_t>(small);
  if (small == 0) {
    uint64_t escaped = 0;
    at = ReadVarint(at, &escaped);
    *amount = HasSign ? UnZigZag(escaped) : static_cast<int64_t>(escaped + (uint64_t{1} << bits));
  }
  return at;
}

// How far reading has come.
struct Position {
  const uint8_t* at = nullptr;  // null: a pair was wrong or not wanted
  uint64_t ad = kNoAd;
  size_t left = 0;
};

// Reads pairs that begin before `safe_end`, kPairBytesMax bytes ahead of what may not be touched.
// Position goes in and out by value to stay in registers.
template <bool HasSign, class Use>
inline Position Run(Position position, const uint8_t* safe_end, unsigned bits, Use& use) {
  while (position.left > 0 && position.at < safe_end) {
    uint64_t gap = 0;
    int64_t amount = 0;
    const uint8_t* next = ReadPair<HasSign>(position.at, bits, &gap, &amount);
    position.ad += gap + 1;
    if (next == nullptr || gap > kGapMax || !use(position.ad, amount)) return {};
    position.at = next;
    --position.left;
  }
  return position;
}

// Hands each pair to use(ad, amount), which returns false to stop. The pairs are read where they
// lie up to the last few, which are copied to where reading past their end is harmless.
template <bool HasSign, class Use>
Status ReadPairs(std::string_view body, const Header& header, Use& use) {
  const auto* begin = reinterpret_cast<const uint8_t*>(body.data());
  const auto* end = begin + body.size();
  unsigned bits = header.flags & kInlineBitsMask;
  Position position{.at = begin, .left = header.count};
  if (body.size() > kPairBytesMax) position = Run<HasSign>(position, end - kPairBytesMax, bits, use);
  if (position.at == nullptr) return Bad("bad pair");
  uint8_t tail[3 * kPairBytesMax] = {};
  auto tail_size = static_cast<size_t>(end - position.at);
  if (tail_size > kPairBytesMax) return Bad("pairs do not fill it");
  std::memcpy(tail, position.at, tail_size);
  position.at = tail;
  position = Run<HasSign>(position, tail + tail_size, bits, use);
  if (position.at == nullptr) return Bad("bad pair");
  return position.left == 0 && position.at == tail + tail_size ? Status::Ok() : Bad("pairs do not fill it");
}

template <class Use>
Status ReadChunk(std::string_view bytes, const Header& header, Use use) {
  std::string_view body = bytes.substr(sizeof header, bytes.size() - sizeof header - kChecksumBytes);
  return (header.flags & kSignedFlag) != 0 ? ReadPairs<true>(body, header, use)
                                           : ReadPairs<false>(body, header, use);
}

Status ReadHeader(std::string_view bytes, Header* header) {
  if (bytes.size() < sizeof *header + kChecksumBytes) return Bad("too short");
  size_t body = bytes.size() - kChecksumBytes;
  uint32_t stored = 0;
  std::memcpy(&stored, bytes.data() + body, sizeof stored);
  if (Checksum32(bytes.substr(0, body)) != stored) return Bad("checksum mismatch");
  std::memcpy(header, bytes.data(), sizeof *header);
  if (header->version != kVersion) return Bad("unknown version");
  unsigned bits = header->flags & kInlineBitsMask;
  if (bits > kInlineBitsMax || (header->flags & ~(kInlineBitsMask | kSignedFlag)) != 0)
    return Bad("unknown flags");
  if (header->count == 0 || header->count > kTopChunkPairsMax) return Bad("bad count");
  return Status::Ok();
}

}  // namespace

void EncodeTopChunk(std::span<const TopPair> pairs, std::string* out) {
  RequireEncodable(pairs);
  Coding coding = ChooseCoding(pairs);
  size_t begin = out->size();
  PutFixed(out, Header{.flags = static_cast<uint8_t>(coding.bits | (coding.has_sign ? kSignedFlag : 0)),
                       .count = static_cast<uint16_t>(pairs.size())});
  for (size_t i = 0; i < pairs.size(); ++i) {
    uint64_t token = GapBefore(pairs, i) << coding.bits;
    int64_t amount = pairs[i].amount;
    if (coding.IsInline(amount)) {
      PutVarint64(out, token | static_cast<uint64_t>(amount));
    } else {
      PutVarint64(out, token);
      PutVarint64(out, coding.Escaped(amount));
    }
  }
  PutFixed(out, Checksum32(std::string_view(*out).substr(begin)));
}

Status AddTopChunk(std::string_view bytes, std::span<int64_t> totals) {
  Header header;
  if (Status s = ReadHeader(bytes, &header); !s.ok()) return s;
  bool overflow = false;
  int64_t* total = totals.data();
  uint64_t ads = totals.size();
  Status s = ReadChunk(bytes, header, [&overflow, total, ads](uint64_t ad, int64_t amount) {
    if (ad >= ads) return false;
    overflow |= __builtin_add_overflow(total[ad], amount, &total[ad]);
    return true;
  });
  if (s.ok() && overflow) return Status::Exhausted("top chunk: a total exceeds 64 bits");
  return s;
}

Status DecodeTopChunk(std::string_view bytes, std::vector<TopPair>* pairs) {
  pairs->clear();
  Header header;
  if (Status s = ReadHeader(bytes, &header); !s.ok()) return s;
  pairs->reserve(header.count);
  return ReadChunk(bytes, header, [pairs](uint64_t ad, int64_t amount) {
    if (ad > std::numeric_limits<uint32_t>::max()) return false;
    pairs->push_back({.ad = static_cast<uint32_t>(ad), .amount = amount});
    return true;
  });
}

}  // namespace tallymark
