#include <lz4.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <vector>

#include "format/coding.h"
#include "format/column_ints.h"
#include "format/column_rows.h"
#include "format/column_shapes.h"
#include "format/column_text.h"
#include "format/prefetch.h"

// A column is coded in one of three ways, tried in this order:
//  1. Dictionary: given up within a few hundred texts when they are mostly distinct.
//  2. By shape: a sample votes which shape (UUID, address, prefix and number) prevails; texts of
//     another shape are split off and coded as a column of their own.
//  3. Plain bytes, LZ4 where that helps.
// Where a dictionary is neither clearly good nor bad, both are built and the smaller one is kept.

namespace tallymark {
namespace {

using Texts = std::span<const std::string_view>;

struct Column {
  Texts texts;
  std::span<const DistinctElement> known;  // see TextEncoder::Encode
};

constexpr size_t kShapeSamples = 16;
constexpr size_t kShapeVotesMin = 4;   // of kShapeSamples
constexpr size_t kPrefetchAhead = 12;  // texts
constexpr size_t kLz4BytesMin = 64;
constexpr size_t kRepeatsMissed = 4;          // fewer repeats than expected: no dictionary
constexpr size_t kDictionaryClearRatio = 32;  // texts a distinct one from which nothing else is tried

// What a text looks like: everything that the texts of one kNumber column have in common.
struct Shape {
  TextEncoding encoding = TextEncoding::kPlain;
  std::string_view prefix;
  size_t digits_min = 1;

  bool SameAs(const Shape& other) const { return encoding == other.encoding && prefix == other.prefix; }
};

Shape ShapeOf(std::string_view text) {
  TwoWords words;
  uint32_t address = 0;
  if (ParseUuid(text, &words)) return {TextEncoding::kUuid, {}, 1};
  if (ParseIpv4(text, &address)) return {TextEncoding::kIpv4, {}, 1};
  if (ParseIpv6(text, &words)) return {TextEncoding::kIpv6, {}, 1};
  size_t digits = 0;
  while (digits < text.size() && text[text.size() - 1 - digits] >= '0' &&
         text[text.size() - 1 - digits] <= '9') {
    ++digits;
  }
  size_t prefix_size = text.size() - digits;
  if (digits == 0 || digits > kDigitsMax || prefix_size > kNumberPrefixBytesMax) return {};
  bool padded = digits > 1 && text[prefix_size] == '0';
  return {TextEncoding::kNumber, text.substr(0, prefix_size), padded ? digits : 1};
}

// The shape that most of a sample has, kPlain where none prevails.
Shape PrevailingShape(Texts texts) {
  std::array<Shape, kShapeSamples> shapes;
  size_t count = std::min(texts.size(), kShapeSamples);
  for (size_t i = 0; i < count; ++i) shapes[i] = ShapeOf(texts[i * texts.size() / count]);
  Shape best;
  size_t best_votes = 0;
  for (size_t i = 0; i < count; ++i) {
    if (shapes[i].encoding == TextEncoding::kPlain) continue;
    size_t votes = 0;
    size_t digits_min = 1;
    for (size_t j = 0; j < count; ++j) {
      if (!shapes[j].SameAs(shapes[i])) continue;
      ++votes;
      digits_min = std::max(digits_min, shapes[j].digits_min);
    }
    if (votes <= best_votes) continue;
    best_votes = votes;
    best = shapes[i];
    best.digits_min = digits_min;
  }
  return best_votes * kShapeSamples >= kShapeVotesMin * count ? best : Shape{};
}

// The shape's numbers, and the texts that do not have it.
struct Level {
  std::vector<uint64_t> high;
  std::vector<uint64_t> low;  // of 128-bit shapes
  std::vector<std::string_view> others;
  std::vector<uint16_t> other_rows;
  std::string body;
  std::string dictionary_body;
};

// Sorted by ad, the texts lie scattered over the chunks.
void Prefetch(Texts texts, size_t i) {
  if (i + kPrefetchAhead >= texts.size()) return;
  std::string_view text = texts[i + kPrefetchAhead];
  PrefetchLine(text.data());
  PrefetchLine(text.data() + text.size());
}

// `tells`: whether an element is of this shape, its last word being the number.
template <class Tells, class Parse>
void Collect(const Column& column, Level& level, Tells tells, Parse parse) {
  const Texts texts = column.texts;
  const std::span<const DistinctElement> known = column.known;
  auto is_known = [&](size_t i) { return i < known.size() && tells(known[i]); };
  level.high.resize(texts.size());
  level.low.resize(texts.size());
  level.others.clear();
  level.other_rows.clear();
  size_t fitting = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (!is_known(i + kPrefetchAhead)) Prefetch(texts, i);
    if (is_known(i)) {
      level.high[fitting++] = known[i].word[2];
    } else if (parse(texts[i], &level.high[fitting], &level.low[fitting])) {
      ++fitting;
    } else {
      level.others.push_back(texts[i]);
      level.other_rows.push_back(static_cast<uint16_t>(i));
    }
  }
  level.high.resize(fitting);
  level.low.resize(fitting);
}

bool TellsNothing(const DistinctElement&) { return false; }

// Prefixes are short: a call of memcmp would take longer.
bool StartsWith(std::string_view text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  for (size_t i = 0; i < prefix.size(); ++i) {
    if (text[i] != prefix[i]) return false;
  }
  return true;
}

void CollectNumbers(const Shape& shape, const Column& column, Level& level) {
  const bool plain = shape.digits_min == 1 && IsNumberedPrefix(shape.prefix);
  const uint64_t high = plain ? NumberedPrefix(shape.prefix) : 0;
  Collect(
      column, level, [=](const DistinctElement& e) { return plain && e.high() == high; },
      [&](std::string_view text, uint64_t* number, uint64_t*) {
        return StartsWith(text, shape.prefix) &&
               ParseDigits(text.substr(shape.prefix.size()), shape.digits_min, number);
      });
}

void CollectAddresses(const Column& column, Level& level) {
  Collect(
      column, level, [](const DistinctElement& e) { return e.IsAddress(); },
      [](std::string_view text, uint64_t* high, uint64_t*) {
        uint32_t address = 0;
        bool fits = ParseIpv4(text, &address);
        *high = address;
        return fits;
      });
}

void CollectShape(const Shape& shape, const Column& column, Level& level) {
  switch (shape.encoding) {
    case TextEncoding::kUuid:
    case TextEncoding::kIpv6:
      return Collect(column, level, TellsNothing, [&](std::string_view text, uint64_t* high, uint64_t* low) {
        TwoWords words;
        bool fits = shape.encoding == TextEncoding::kUuid ? ParseUuid(text, &words) : ParseIpv6(text, &words);
        *high = words.high;
        *low = words.low;
        return fits;
      });
    case TextEncoding::kIpv4:
      return CollectAddresses(column, level);
    default:
      return CollectNumbers(shape, column, level);
  }
}

// One in ten numbers of a fixed width begins with a zero, so a sample may have none that tells the
// width. The first misfit then does: whichever of the two shapes fits more texts is kept.
void CollectByWidth(Shape* shape, const Column& column, Level& level) {
  CollectShape(*shape, column, level);
  if (shape->encoding != TextEncoding::kNumber || shape->digits_min > 1 || level.others.empty()) return;
  const Shape padded = ShapeOf(level.others[0]);
  if (!padded.SameAs(*shape) || padded.digits_min == 1) return;
  const size_t fitting = level.high.size();
  CollectShape(padded, column, level);
  if (level.high.size() > fitting) {
    *shape = padded;
  } else {
    CollectShape(*shape, column, level);
  }
}

// Cuts out the bits that are the same in every UUID of a version: 122 of 128 bits remain.
void PutUuids(Level& level, std::string* out) {
  uint64_t version_differs = 0;
  uint64_t variant_differs = 0;
  for (uint64_t word : level.high) version_differs |= word ^ level.high[0];
  for (uint64_t word : level.low) variant_differs |= word ^ level.low[0];
  UuidForm form;
  if ((version_differs >> 12 & 0xF) == 0) form.version = static_cast<uint8_t>(level.high[0] >> 12 & 0xF);
  if (variant_differs >> 62 == 0) form.variant = static_cast<uint8_t>(level.low[0] >> 62);
  if (form.version != UuidForm::kAnyVersion) {
    for (uint64_t& word : level.high) word = (word >> 16 << 12) | (word & 0xFFF);
  }
  if (form.variant != UuidForm::kAnyVariant) {
    for (uint64_t& word : level.low) word &= ~uint64_t{0} >> 2;
  }
  out->push_back(static_cast<char>(form.version));
  out->push_back(static_cast<char>(form.variant));
  EncodeInts(level.high, out);
  EncodeInts(level.low, out);
}

void PutShape(const Shape& shape, Level& level, std::string* out) {
  switch (shape.encoding) {
    case TextEncoding::kUuid:
      return PutUuids(level, out);
    case TextEncoding::kIpv6:
      EncodeInts(level.high, out);
      return EncodeInts(level.low, out);
    case TextEncoding::kIpv4:
      return EncodeInts(level.high, out);
    default:
      out->push_back(static_cast<char>(shape.digits_min));
      PutLengthPrefixed(out, shape.prefix);
      return EncodeInts(level.high, out);
  }
}

// Up to eight bytes as they are, more as their hash: texts of one size up to eight bytes are equal
// when their keys are.
uint64_t KeyOf(std::string_view text) {
  if (text.size() > sizeof(uint64_t)) return XXH3_64bits(text.data(), text.size());
  uint64_t key = 0;
  if (text.size() >= 4) {
    uint32_t tail = 0;
    std::memcpy(&key, text.data(), 4);
    std::memcpy(&tail, text.data() + text.size() - 4, 4);
    return key | static_cast<uint64_t>(tail) << 32;
  }
  for (char c : text) key = key << 8 | static_cast<uint8_t>(c);
  return key;
}

// Distinct texts in order of first appearance, with an open hash table over them.
class Distinct {
 public:
  struct Entry {
    std::string_view text;
    uint64_t key = 0;
    uint32_t count = 0;
    uint32_t code = 0;
  };

  void Clear() {
    entries.clear();
    slots_.assign(kSlotsAtFirst, 0);
  }
  // The entry of `text`, new or known, counted once more.
  size_t Add(std::string_view text) {
    uint64_t key = KeyOf(text);
    for (size_t at = SlotOf(key);; at = Next(at)) {
      if (slots_[at] == 0) return AddNew(text, key, at);
      Entry& entry = entries[slots_[at] - 1];
      if (entry.key != key || entry.text.size() != text.size()) continue;
      if (text.size() > sizeof key && entry.text != text) continue;
      ++entry.count;
      return slots_[at] - size_t{1};
    }
  }

  std::vector<Entry> entries;

 private:
  static constexpr size_t kSlotsAtFirst = 256;

  size_t SlotOf(uint64_t key) const {
    return static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> 32) & (slots_.size() - 1);
  }
  size_t Next(size_t at) const { return (at + 1) & (slots_.size() - 1); }
  size_t AddNew(std::string_view text, uint64_t key, size_t at) {
    entries.push_back({text, key, 1, 0});
    slots_[at] = static_cast<uint16_t>(entries.size());
    if (entries.size() * 2 > slots_.size()) Grow();
    return entries.size() - 1;
  }
  void Grow() {
    slots_.assign(slots_.size() * 2, 0);
    for (size_t i = 0; i < entries.size(); ++i) {
      size_t at = SlotOf(entries[i].key);
      while (slots_[at] != 0) at = Next(at);
      slots_[at] = static_cast<uint16_t>(i + 1);
    }
  }

  std::vector<uint16_t> slots_;  // entry + 1, or 0; a power of two of them
};

}  // namespace

struct TextEncoder::Scratch {
  std::array<Level, kTextDepthMax + 1> levels;
  Distinct distinct;
  std::vector<uint16_t> entry_of;  // of each text
  std::vector<uint32_t> by_count;
  std::vector<std::string_view> dictionary;
  std::vector<uint64_t> numbers;

  TextEncoding Put(const Column& column, unsigned depth, bool try_dictionary, std::string* out);
  TextEncoding PutByShape(const Column& column, unsigned depth, bool try_dictionary, std::string* out);
  TextEncoding PutPlain(Texts texts, std::string* out);
  void PutDictionary(Texts texts, unsigned depth, std::string* out);
  bool FindDistinct(Texts texts);
};

TextEncoding TextEncoder::Scratch::Put(const Column& column, unsigned depth, bool try_dictionary,
                                       std::string* out) {
  const Texts texts = column.texts;
  if (texts.size() == 1) {
    out->append(texts[0]);
    return TextEncoding::kConstant;
  }
  if (!try_dictionary || depth == kTextDepthMax || !FindDistinct(texts)) {
    return PutByShape(column, depth, try_dictionary, out);
  }
  if (distinct.entries.size() == 1) {
    out->append(texts[0]);
    return TextEncoding::kConstant;
  }
  bool clearly_good = distinct.entries.size() * kDictionaryClearRatio <= texts.size();
  std::string& body = levels[depth].dictionary_body;
  body.clear();
  PutDictionary(texts, depth, &body);
  size_t start = out->size();
  if (!clearly_good) {
    TextEncoding other = PutByShape(column, depth, try_dictionary, out);
    if (out->size() - start <= body.size()) return other;
    out->resize(start);
  }
  out->append(body);
  return TextEncoding::kDictionary;
}

TextEncoding TextEncoder::Scratch::PutByShape(const Column& column, unsigned depth, bool try_dictionary,
                                              std::string* out) {
  const Texts texts = column.texts;
  Shape shape = PrevailingShape(texts);
  if (shape.encoding == TextEncoding::kPlain) return PutPlain(texts, out);
  Level& level = levels[depth];
  CollectByWidth(&shape, column, level);
  if (level.others.empty()) {
    PutShape(shape, level, out);
    return shape.encoding;
  }
  if (depth == kTextDepthMax || level.high.size() * kShapeSamples < kShapeVotesMin * texts.size()) {
    return PutPlain(texts, out);
  }
  size_t form_at = out->size();
  out->push_back(0);
  RowSetForm form = EncodeRowSet(level.other_rows, texts.size(), out);
  (*out)[form_at] = static_cast<char>(form);
  level.body.assign(1, static_cast<char>(shape.encoding));
  PutShape(shape, level, &level.body);
  PutLengthPrefixed(out, level.body);
  size_t encoding_at = out->size();
  out->push_back(0);
  TextEncoding rest = Put({level.others, {}}, depth + 1, try_dictionary, out);
  (*out)[encoding_at] = static_cast<char>(rest);
  return TextEncoding::kSplit;
}

TextEncoding TextEncoder::Scratch::PutPlain(Texts texts, std::string* out) {
  numbers.resize(texts.size());
  size_t bytes = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    numbers[i] = texts[i].size();
    bytes += texts[i].size();
  }
  EncodeInts(numbers, out);
  size_t start = out->size();
  for (std::string_view text : texts) out->append(text);
  if (bytes < kLz4BytesMin) return TextEncoding::kPlain;
  // Worth its decoding from an eighth saved.
  std::string packed(bytes - bytes / 8, '\0');
  int size = LZ4_compress_default(out->data() + start, packed.data(), static_cast<int>(bytes),
                                  static_cast<int>(packed.size()));
  if (size <= 0) return TextEncoding::kPlain;
  out->replace(start, std::string::npos, packed.data(), static_cast<size_t>(size));
  return TextEncoding::kPlainLz4;
}

// Frequent texts get small codes, so that rare ones can become exceptions of the packing.
void TextEncoder::Scratch::PutDictionary(Texts texts, unsigned depth, std::string* out) {
  auto& entries = distinct.entries;
  by_count.resize(entries.size());
  std::iota(by_count.begin(), by_count.end(), 0);
  std::sort(by_count.begin(), by_count.end(), [&](uint32_t a, uint32_t b) {
    return entries[a].count != entries[b].count ? entries[a].count > entries[b].count : a < b;
  });
  dictionary.clear();
  for (uint32_t entry : by_count) {
    entries[entry].code = static_cast<uint32_t>(dictionary.size());
    dictionary.push_back(entries[entry].text);
  }
  numbers.resize(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) numbers[i] = entries[entry_of[i]].code;
  PutVarint64(out, dictionary.size());
  EncodeInts(numbers, out);
  size_t encoding_at = out->size();
  out->push_back(0);
  TextEncoding inner = PutByShape({dictionary, {}}, depth + 1, false, out);
  (*out)[encoding_at] = static_cast<char>(inner);
}

// Fills `distinct`; false when the texts are too many for a dictionary to pay.
bool TextEncoder::Scratch::FindDistinct(Texts texts) {
  distinct.Clear();
  entry_of.resize(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    // As many repeats as n distinct texts would show by now, give or take chance.
    size_t repeats = i - distinct.entries.size();
    if (i * i > 2 * texts.size() * (repeats + kRepeatsMissed)) return false;
    Prefetch(texts, i);
    entry_of[i] = static_cast<uint16_t>(distinct.Add(texts[i]));
  }
  return distinct.entries.size() == 1 || distinct.entries.size() <= texts.size() / 2;
}

TextEncoder::TextEncoder() : scratch_(std::make_unique<Scratch>()) {}
TextEncoder::~TextEncoder() = default;

TextEncoding TextEncoder::Encode(std::span<const std::string_view> texts,
                                 std::span<const DistinctElement> known, std::string* out) {
  return scratch_->Put({texts, known}, 0, true, out);
}

}  // namespace tallymark
