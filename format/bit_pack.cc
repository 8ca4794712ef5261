#include "format/bit_pack.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "format/coding.h"

namespace tallymark {
namespace {

uint64_t LoadWord(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

constexpr uint64_t LowMask(unsigned width) { return width >= 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1; }

// Eight values of a known width are `W` whole bytes, so that every shift is a constant.
template <unsigned W>
void UnpackGroups(const char* p, size_t groups, uint64_t base, uint64_t* out) {
  for (size_t g = 0; g < groups; ++g, p += W, out += 8) {
    [&]<size_t... I>(std::index_sequence<I...>) {
      auto value = [p](size_t i) {
        size_t bit = i * W;
        uint64_t word = LoadWord(p + bit / 8) >> (bit % 8);
        if (bit % 8 + W > 64) {
          word |= static_cast<uint64_t>(static_cast<uint8_t>(p[bit / 8 + 8])) << ((64 - bit % 8) % 64);
        }
        return word & LowMask(W);
      };
      ((out[I] = value(I) + base), ...);
    }
    (std::make_index_sequence<8>());
  }
}

using GroupUnpacker = void (*)(const char*, size_t, uint64_t, uint64_t*);

template <size_t... W>
constexpr std::array<GroupUnpacker, sizeof...(W)> MakeUnpackers(std::index_sequence<W...>) {
  return {&UnpackGroups<static_cast<unsigned>(W) + 1>...};
}
constexpr auto kUnpackers = MakeUnpackers(std::make_index_sequence<kPackedWidthMax>());

}  // namespace

uint64_t WordAtEnd(std::string_view bytes, size_t byte) {
  uint64_t word = 0;
  for (size_t i = 0; byte + i < bytes.size() && i < sizeof word; ++i)
    word |= uint64_t{static_cast<uint8_t>(bytes[byte + i])} << (8 * i);
  return word;
}

void PackBits(std::span<const uint64_t> values, unsigned width, uint64_t base, std::string* out) {
  if (width == 0) return;
  size_t start = out->size();
  size_t bytes = PackedBytes(values.size(), width);
  out->resize(start + bytes + sizeof(uint64_t));  // room for whole words, cut below
  char* p = out->data() + start;
  uint64_t pending = 0;
  unsigned filled = 0;
  for (uint64_t raw : values) {
    uint64_t value = raw - base;
    pending |= value << filled;
    filled += width;
    if (filled >= 64) {
      std::memcpy(p, &pending, sizeof pending);
      p += sizeof pending;
      filled -= 64;
      pending = filled == 0 ? 0 : value >> (width - filled);
    }
  }
  std::memcpy(p, &pending, sizeof pending);
  out->resize(start + bytes);
}

void UnpackBits(std::string_view packed, size_t begin, unsigned width, uint64_t base,
                std::span<uint64_t> out) {
  if (width == 0) {
    std::fill(out.begin(), out.end(), base);
    return;
  }
  size_t i = 0;
  while (i < out.size() && (begin + i) % 8 != 0) {
    out[i] = BitsAt(packed, (begin + i) * width, width) + base;
    ++i;
  }
  if (i < out.size()) {
    // The last load of a group may reach up to 8 bytes past it.
    size_t byte = (begin + i) / 8 * width;
    size_t safe = packed.size() > byte + 8 ? (packed.size() - byte - 8) / width : 0;
    size_t groups = std::min(safe, (out.size() - i) / 8);
    kUnpackers[width - 1](packed.data() + byte, groups, base, out.data() + i);
    i += groups * 8;
  }
  for (; i < out.size(); ++i) out[i] = BitsAt(packed, (begin + i) * width, width) + base;
}

void RiceWriter::Bits(uint64_t value, unsigned width) {
  pending_ |= value << filled_;
  filled_ += width;
  if (filled_ >= 64) {
    PutFixed(out_, pending_);
    filled_ -= 64;
    pending_ = filled_ == 0 ? 0 : value >> (width - filled_);
  }
}

void RiceWriter::Put(uint32_t value, unsigned k) {
  uint64_t zeros = static_cast<uint64_t>(value) >> k;
  for (; zeros >= 31; zeros -= 31) Bits(0, 31);
  auto run = static_cast<unsigned>(zeros) + 1;
  Bits(uint64_t{1} << zeros | (value & LowMask(k)) << run, run + k);
}

void RiceWriter::Finish() {
  for (; filled_ > 0; filled_ -= std::min(filled_, 8U)) {
    out_->push_back(static_cast<char>(pending_));
    pending_ >>= 8;
  }
}

uint32_t RiceReader::GetFar(unsigned k) {
  uint64_t zeros = 0;
  while (Window() == 0) {
    size_t step = 64 - bit_ % 8;
    zeros += step;
    bit_ += step;
    if (bit_ >= bytes_.size() * 8) {
      overflow_ = 1;  // the end, and no one bit
      return 0;
    }
  }
  auto run = static_cast<unsigned>(std::countr_zero(Window()));
  zeros += run;
  bit_ += run + 1;
  // Bounded before it is shifted, lest it wraps.
  overflow_ |= zeros >> 32;
  uint64_t value = (zeros & UINT32_MAX) << k | Bits(k);
  overflow_ |= value >> 32;
  return static_cast<uint32_t>(value);
}

}  // namespace tallymark
