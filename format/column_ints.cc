#include "format/column_ints.h"

#include <algorithm>
#include <array>
#include <bit>

#include "format/bit_pack.h"
#include "format/coding.h"

namespace tallymark {
namespace {

constexpr size_t kSamplesMax = 64;

struct Frame {
  uint64_t base = 0;
  unsigned width = 0;
};

uint64_t Span(unsigned width) { return width >= 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1; }

bool Outside(uint64_t value, Frame frame) { return value - frame.base > Span(frame.width); }

// About what an exception takes: its distance from the one before and its full offset.
unsigned ExceptionBits(unsigned full_width) { return 12 + (full_width + 8) / 7 * 8; }

// The start of the window of 2^width numbers that holds most of the sorted samples, and how many.
std::pair<size_t, size_t> FullestWindow(std::span<const uint64_t> sorted, unsigned width) {
  size_t best_begin = 0;
  size_t best_count = 0;
  size_t end = 0;
  for (size_t begin = 0; begin < sorted.size(); ++begin) {
    while (end < sorted.size() && sorted[end] - sorted[begin] <= Span(width)) ++end;
    if (end - begin > best_count) {
      best_begin = begin;
      best_count = end - begin;
    }
  }
  return {best_begin, best_count};
}

// Guesses from a sample which frame makes the column smallest. The samples seldom touch the edges
// of the bulk, so the window's slack is shared between both sides.
Frame GuessFrame(std::span<const uint64_t> values, Frame whole) {
  std::array<uint64_t, kSamplesMax> samples;
  size_t count = std::min(values.size(), kSamplesMax);
  for (size_t i = 0; i < count; ++i) samples[i] = values[i * values.size() / count];
  std::sort(samples.begin(), samples.begin() + count);
  std::span<const uint64_t> sorted(samples.data(), count);

  Frame best = whole;
  size_t best_bits = count * whole.width;
  for (unsigned width = whole.width; width-- > 0;) {
    auto [begin, inside] = FullestWindow(sorted, width);
    if (inside * 2 < count) break;
    size_t bits = count * width + (count - inside) * ExceptionBits(whole.width);
    if (bits >= best_bits) continue;
    best_bits = bits;
    uint64_t used = sorted[begin + inside - 1] - sorted[begin];
    uint64_t slack = (Span(width) - used) / 2;
    best = {sorted[begin] - std::min(slack, sorted[begin] - whole.base), width};
  }
  return best;
}

// Sets *exceptions to how many values lie outside the frame.
Frame ChooseFrame(std::span<const uint64_t> values, size_t* exceptions) {
  *exceptions = 0;
  uint64_t low = values[0];
  uint64_t high = values[0];
  for (uint64_t value : values) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  Frame whole{low, static_cast<unsigned>(std::bit_width(high - low))};
  if (whole.width == 0) return whole;
  Frame guess = GuessFrame(values, whole);
  if (guess.width == whole.width) return whole;
  size_t outside = 0;
  for (uint64_t value : values) outside += Outside(value, guess) ? 1 : 0;
  size_t guess_bits = values.size() * guess.width + outside * ExceptionBits(whole.width);
  if (guess_bits >= values.size() * whole.width) return whole;
  *exceptions = outside;
  return guess;
}

}  // namespace

void EncodeInts(std::span<const uint64_t> values, std::string* out) {
  size_t exception_count = 0;
  Frame frame = ChooseFrame(values, &exception_count);
  out->push_back(static_cast<char>(frame.width));
  PutVarint64(out, frame.base);
  PutVarint64(out, exception_count);
  if (exception_count == 0) return PackBits(values, frame.width, frame.base, out);

  // Exceptions stand as the base in the packed offsets, which are whole bytes a piece, and follow.
  std::string exceptions;
  std::array<uint64_t, kIntsPiece> inside;
  size_t last_position = 0;
  for (size_t begin = 0; begin < values.size(); begin += kIntsPiece) {
    size_t n = std::min(kIntsPiece, values.size() - begin);
    for (size_t i = 0; i < n; ++i) {
      inside[i] = values[begin + i];
      if (!Outside(inside[i], frame)) continue;
      PutVarint64(&exceptions, begin + i - last_position);
      PutVarint64(&exceptions, ZigZag(static_cast<int64_t>(inside[i] - frame.base)));
      last_position = begin + i;
      inside[i] = frame.base;
    }
    PackBits({inside.data(), n}, frame.width, frame.base, out);
  }
  out->append(exceptions);
}

bool IntsReader::Open(std::string_view* in, size_t count) {
  uint8_t width = 0;
  uint64_t exception_count = 0;
  if (!GetFixed(in, &width) || width > kPackedWidthMax || !GetVarint64(in, &base_) ||
      !GetVarint64(in, &exception_count) || exception_count > count) {
    return false;
  }
  width_ = width;
  size_t bytes = PackedBytes(count, width_);
  // An exception takes two bytes at least, which bounds what is allocated below.
  if (in->size() < bytes || (in->size() - bytes) / 2 < exception_count) return false;
  packed_ = in->substr(0, bytes);
  in->remove_prefix(bytes);
  exceptions_.clear();
  exceptions_.reserve(exception_count);
  uint64_t position = 0;
  for (uint64_t i = 0; i < exception_count; ++i) {
    uint64_t gap = 0;
    uint64_t offset = 0;
    if (!GetVarint64(in, &gap) || !GetVarint64(in, &offset)) return false;
    if ((gap == 0 && i > 0) || gap >= count - position) return false;
    position += gap;
    exceptions_.emplace_back(static_cast<uint32_t>(position),
                             base_ + static_cast<uint64_t>(UnZigZag(offset)));
  }
  return true;
}

void IntsReader::Read(size_t begin, std::span<uint64_t> out) const {
  UnpackBits(packed_, begin, width_, base_, out);
  if (exceptions_.empty()) return;
  auto at =
      std::lower_bound(exceptions_.begin(), exceptions_.end(), begin,
                       [](const auto& exception, size_t position) { return exception.first < position; });
  for (; at != exceptions_.end() && at->first < begin + out.size(); ++at) out[at->first - begin] = at->second;
}

}  // namespace tallymark
