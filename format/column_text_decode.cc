#include <lz4.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "format/coding.h"
#include "format/column_ints.h"
#include "format/column_rows.h"
#include "format/column_shapes.h"
#include "format/column_text.h"

namespace tallymark {
namespace {

enum class Outcome : uint8_t { kOk, kDamaged, kTooMuchText };

// What to decode: texts [begin, begin + places.size()) of `count`.
struct Wanted {
  size_t count;
  size_t begin;
  std::span<TextPlace> places;
};

Outcome DecodeNode(uint8_t encoding, std::string_view body, unsigned depth, Wanted wanted, std::string* text);

// The first byte is the encoding.
Outcome DecodeTagged(std::string_view node, unsigned depth, Wanted wanted, std::string* text) {
  if (node.empty()) return Outcome::kDamaged;
  return DecodeNode(static_cast<uint8_t>(node[0]), node.substr(1), depth, wanted, text);
}

// Offsets are 32 bits wide.
bool HasRoom(const std::string& text, size_t more) {
  return more <= std::numeric_limits<uint32_t>::max() - text.size();
}

Outcome DecodeConstant(std::string_view body, Wanted wanted, std::string* text) {
  if (body.size() > kTextBytesMax) return Outcome::kDamaged;
  if (!HasRoom(*text, body.size())) return Outcome::kTooMuchText;
  TextPlace place{static_cast<uint32_t>(text->size()), static_cast<uint16_t>(body.size())};
  text->append(body);
  std::fill(wanted.places.begin(), wanted.places.end(), place);
  return Outcome::kOk;
}

// Appends one text a number: `format(i, out)` writes wanted text i of the piece at hand, at most
// `bytes_max` bytes, and returns its size; `read(begin, n)` makes the next piece ready.
template <class Read, class Format>
Outcome AppendFormatted(Wanted wanted, size_t bytes_max, Read read, Format format, std::string* text) {
  size_t room = wanted.places.size() * bytes_max;
  if (!HasRoom(*text, room)) return Outcome::kTooMuchText;
  size_t start = text->size();
  text->resize(start + room);
  char* base = text->data();
  char* out = base + start;
  for (size_t done = 0; done < wanted.places.size(); done += kIntsPiece) {
    size_t n = std::min(kIntsPiece, wanted.places.size() - done);
    if (!read(wanted.begin + done, n)) return Outcome::kDamaged;
    for (size_t i = 0; i < n; ++i) {
      size_t size = format(i, out);
      wanted.places[done + i] = {static_cast<uint32_t>(out - base), static_cast<uint16_t>(size)};
      out += size;
    }
  }
  text->resize(static_cast<size_t>(out - base));
  return Outcome::kOk;
}

using Piece = std::array<uint64_t, kIntsPiece>;

// Two Ints and nothing after them.
bool OpenPair(std::string_view body, size_t count, IntsReader* high, IntsReader* low) {
  return high->Open(&body, count) && low->Open(&body, count) && body.empty();
}

Outcome DecodeUuids(std::string_view body, Wanted wanted, std::string* text) {
  UuidForm form;
  IntsReader high;
  IntsReader low;
  if (!GetFixed(&body, &form.version) || !GetFixed(&body, &form.variant) ||
      form.version > UuidForm::kAnyVersion || form.variant > UuidForm::kAnyVariant ||
      !OpenPair(body, wanted.count, &high, &low)) {
    return Outcome::kDamaged;
  }
  bool any_version = form.version == UuidForm::kAnyVersion;
  bool any_variant = form.variant == UuidForm::kAnyVariant;
  uint64_t version = uint64_t{form.version} << 12;
  uint64_t variant = uint64_t{form.variant} << 62;
  Piece highs;
  Piece lows;
  auto read = [&](size_t begin, size_t n) {
    high.Read(begin, {highs.data(), n});
    low.Read(begin, {lows.data(), n});
    uint64_t high_bits = 0;
    uint64_t low_bits = 0;
    for (size_t i = 0; i < n; ++i) {
      high_bits |= highs[i];
      low_bits |= lows[i];
    }
    return (any_version || high_bits >> 60 == 0) && (any_variant || low_bits >> 62 == 0);
  };
  auto format = [&](size_t i, char* out) {
    TwoWords words{highs[i], lows[i]};
    if (!any_version) words.high = (words.high >> 12 << 16) | version | (words.high & 0xFFF);
    if (!any_variant) words.low |= variant;
    return FormatUuid(words, out);
  };
  return AppendFormatted(wanted, kUuidBytes, read, format, text);
}

Outcome DecodeIpv4(std::string_view body, Wanted wanted, std::string* text) {
  IntsReader addresses;
  if (!addresses.Open(&body, wanted.count) || !body.empty()) return Outcome::kDamaged;
  Piece piece;
  auto read = [&](size_t begin, size_t n) {
    addresses.Read(begin, {piece.data(), n});
    uint64_t bits = 0;
    for (size_t i = 0; i < n; ++i) bits |= piece[i];
    return bits >> 32 == 0;
  };
  auto format = [&](size_t i, char* out) { return FormatIpv4(static_cast<uint32_t>(piece[i]), out); };
  return AppendFormatted(wanted, kIpv4BytesMax, read, format, text);
}

Outcome DecodeIpv6(std::string_view body, Wanted wanted, std::string* text) {
  IntsReader high;
  IntsReader low;
  if (!OpenPair(body, wanted.count, &high, &low)) return Outcome::kDamaged;
  Piece highs;
  Piece lows;
  auto read = [&](size_t begin, size_t n) {
    high.Read(begin, {highs.data(), n});
    low.Read(begin, {lows.data(), n});
    return true;
  };
  auto format = [&](size_t i, char* out) { return FormatIpv6({highs[i], lows[i]}, out); };
  return AppendFormatted(wanted, kIpv6BytesMax, read, format, text);
}

Outcome DecodeNumbers(std::string_view body, Wanted wanted, std::string* text) {
  uint8_t digits_min = 0;
  std::string_view prefix;
  IntsReader numbers;
  if (!GetFixed(&body, &digits_min) || digits_min < 1 || digits_min > kDigitsMax ||
      !GetLengthPrefixed(&body, &prefix) || prefix.size() > kNumberPrefixBytesMax ||
      !numbers.Open(&body, wanted.count) || !body.empty()) {
    return Outcome::kDamaged;
  }
  Piece piece;
  auto read = [&](size_t begin, size_t n) {
    numbers.Read(begin, {piece.data(), n});
    return true;
  };
  auto format = [&](size_t i, char* out) {
    std::copy(prefix.begin(), prefix.end(), out);
    return prefix.size() + FormatDigits(piece[i], digits_min, out + prefix.size());
  };
  return AppendFormatted(wanted, prefix.size() + kFormatDigitsMax, read, format, text);
}

// The total of all sizes, and where the wanted texts begin and end in it.
struct PlainSizes {
  size_t total = 0;
  size_t begin = 0;
  size_t end = 0;
};

// Sets the size of every wanted place and its offset among all the bytes. False when a size is
// impossible.
bool ReadSizes(const IntsReader& sizes, Wanted wanted, PlainSizes* out) {
  Piece piece;
  size_t last = wanted.begin + wanted.places.size();
  for (size_t done = 0; done < wanted.count; done += kIntsPiece) {
    size_t n = std::min(kIntsPiece, wanted.count - done);
    sizes.Read(done, {piece.data(), n});
    for (size_t i = 0; i < n; ++i) {
      if (piece[i] > kTextBytesMax) return false;
      size_t row = done + i;
      if (row == wanted.begin) out->begin = out->total;
      if (row >= wanted.begin && row < last) {
        wanted.places[row - wanted.begin] = {static_cast<uint32_t>(out->total),
                                             static_cast<uint16_t>(piece[i])};
      }
      out->total += piece[i];
      if (row + 1 == last) out->end = out->total;
    }
  }
  return true;
}

Outcome DecodePlain(std::string_view body, bool compressed, Wanted wanted, std::string* text) {
  IntsReader lengths;
  PlainSizes sizes;
  if (!lengths.Open(&body, wanted.count) || !ReadSizes(lengths, wanted, &sizes)) return Outcome::kDamaged;
  std::string raw;
  if (compressed) {
    if (sizes.total > body.size() * kLz4RatioMax) return Outcome::kDamaged;
    raw.resize(sizes.total);
    int got = LZ4_decompress_safe(body.data(), raw.data(), static_cast<int>(body.size()),
                                  static_cast<int>(raw.size()));
    if (got < 0 || static_cast<size_t>(got) != raw.size()) return Outcome::kDamaged;
    body = raw;
  }
  if (body.size() != sizes.total) return Outcome::kDamaged;
  if (!HasRoom(*text, sizes.end - sizes.begin)) return Outcome::kTooMuchText;
  auto shift = static_cast<uint32_t>(text->size() - sizes.begin);
  text->append(body.substr(sizes.begin, sizes.end - sizes.begin));
  for (TextPlace& place : wanted.places) place.offset += shift;
  return Outcome::kOk;
}

// A small part of a column copies the few dictionary texts that it uses; a large one takes the
// dictionary as it is and shares its bytes.
Outcome DecodeDictionary(std::string_view body, unsigned depth, Wanted wanted, std::string* text) {
  uint64_t size = 0;
  IntsReader codes;
  if (!GetVarint64(&body, &size) || size == 0 || size > wanted.count || !codes.Open(&body, wanted.count)) {
    return Outcome::kDamaged;
  }
  bool share = wanted.places.size() >= size / 2;
  std::string unshared;
  std::vector<TextPlace> entries(size);
  std::string* dictionary = share ? text : &unshared;
  Outcome outcome = DecodeTagged(body, depth + 1, {size, 0, entries}, dictionary);
  if (outcome != Outcome::kOk) return outcome;
  Piece piece;
  for (size_t done = 0; done < wanted.places.size(); done += kIntsPiece) {
    size_t n = std::min(kIntsPiece, wanted.places.size() - done);
    codes.Read(wanted.begin + done, {piece.data(), n});
    for (size_t i = 0; i < n; ++i) {
      if (piece[i] >= size) return Outcome::kDamaged;
      TextPlace place = entries[piece[i]];
      if (!share) {
        if (!HasRoom(*text, place.size)) return Outcome::kTooMuchText;
        auto offset = static_cast<uint32_t>(text->size());
        text->append(unshared, place.offset, place.size);
        place.offset = offset;
      }
      wanted.places[done + i] = place;
    }
  }
  return Outcome::kOk;
}

Outcome DecodeSplit(std::string_view body, unsigned depth, Wanted wanted, std::string* text) {
  uint8_t form = 0;
  std::vector<uint16_t> rows;  // of the second run
  std::string_view first;
  if (!GetFixed(&body, &form) || form > kRowSetFormMax ||
      !DecodeRowSet(static_cast<RowSetForm>(form), &body, wanted.count, &rows) ||
      rows.size() == wanted.count || !GetLengthPrefixed(&body, &first)) {
    return Outcome::kDamaged;
  }
  size_t end = wanted.begin + wanted.places.size();
  auto second_begin =
      static_cast<size_t>(std::lower_bound(rows.begin(), rows.end(), wanted.begin) - rows.begin());
  auto second_end = static_cast<size_t>(std::lower_bound(rows.begin(), rows.end(), end) - rows.begin());
  std::vector<TextPlace> seconds(second_end - second_begin);
  std::vector<TextPlace> firsts(wanted.places.size() - seconds.size());
  Outcome outcome =
      DecodeTagged(first, depth + 1, {wanted.count - rows.size(), wanted.begin - second_begin, firsts}, text);
  if (outcome != Outcome::kOk) return outcome;
  outcome = DecodeTagged(body, depth + 1, {rows.size(), second_begin, seconds}, text);
  if (outcome != Outcome::kOk) return outcome;
  size_t next_second = 0;
  for (size_t i = 0; i < wanted.places.size(); ++i) {
    bool second = next_second < seconds.size() && rows[second_begin + next_second] == wanted.begin + i;
    wanted.places[i] = second ? seconds[next_second] : firsts[i - next_second];
    next_second += second ? 1 : 0;
  }
  return Outcome::kOk;
}

Outcome DecodeNode(uint8_t encoding, std::string_view body, unsigned depth, Wanted wanted,
                   std::string* text) {
  if (depth > kTextDepthMax) return Outcome::kDamaged;
  switch (static_cast<TextEncoding>(encoding)) {
    case TextEncoding::kConstant:
      return DecodeConstant(body, wanted, text);
    case TextEncoding::kPlain:
      return DecodePlain(body, false, wanted, text);
    case TextEncoding::kPlainLz4:
      return DecodePlain(body, true, wanted, text);
    case TextEncoding::kUuid:
      return DecodeUuids(body, wanted, text);
    case TextEncoding::kIpv4:
      return DecodeIpv4(body, wanted, text);
    case TextEncoding::kIpv6:
      return DecodeIpv6(body, wanted, text);
    case TextEncoding::kNumber:
      return DecodeNumbers(body, wanted, text);
    case TextEncoding::kDictionary:
      return DecodeDictionary(body, depth, wanted, text);
    case TextEncoding::kSplit:
      return DecodeSplit(body, depth, wanted, text);
  }
  return Outcome::kDamaged;
}

}  // namespace

Status DecodeTexts(uint8_t encoding, std::string_view body, size_t count, size_t begin,
                   std::span<TextPlace> places, std::string* text) {
  switch (DecodeNode(encoding, body, 0, {count, begin, places}, text)) {
    case Outcome::kOk:
      return Status::Ok();
    case Outcome::kTooMuchText:
      return Status::Exhausted("the decoded text would pass 4 GiB");
    case Outcome::kDamaged:
      break;
  }
  return Status::Corruption("a text column of encoding " + std::to_string(encoding) + " is damaged");
}

}  // namespace tallymark
