#ifndef TALLYMARK_FORMAT_BIT_PACK_H_
#define TALLYMARK_FORMAT_BIT_PACK_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace tallymark {

// Integers of equal width, laid one after another without gaps: value i takes the bits
// [i * width, (i + 1) * width) of the byte string, where bit b is bit b % 8 of byte b / 8.
// Functions without state; any thread may call them.

inline constexpr unsigned kPackedWidthMax = 64;

// Bytes that n values take. n * width must stay below 2^61.
constexpr size_t PackedBytes(size_t n, unsigned width) { return (n * width + 7) / 8; }

// Appends value - base (modulo 2^64) of every value; each must be below 2^width (width 0: nothing
// is written). Unused bits of the last byte are 0.
void PackBits(std::span<const uint64_t> values, unsigned width, uint64_t base, std::string* out);

// Reads values [begin, begin + out.size()) of `packed` and adds `base` (modulo 2^64) to each.
// `packed` must hold PackedBytes(begin + out.size(), width) bytes; no byte after it is touched.
void UnpackBits(std::string_view packed, size_t begin, unsigned width, uint64_t base,
                std::span<uint64_t> out);

// The 8 bytes from `byte` on as a little-endian word; bytes beyond the end are 0.
uint64_t WordAtEnd(std::string_view bytes, size_t byte);
inline uint64_t WordAt(std::string_view bytes, size_t byte) {
  uint64_t word = 0;
  if (byte + sizeof word > bytes.size()) return WordAtEnd(bytes, byte);
  std::memcpy(&word, bytes.data() + byte, sizeof word);
  return word;
}

// The value of `width` bits (0..64) that begins at bit `bit`; all of it must be within `bytes`.
inline uint64_t BitsAt(std::string_view bytes, size_t bit, unsigned width) {
  if (width == 0) return 0;
  const unsigned shift = bit % 8;
  uint64_t value = WordAt(bytes, bit / 8) >> shift;
  if (shift + width > 64) value |= uint64_t{static_cast<uint8_t>(bytes[bit / 8 + 8])} << (64 - shift);
  return value & ~uint64_t{0} >> (64 - width);
}

// Appends Rice codes: for a value v and a parameter k, v >> k zero bits, a one bit, then the k low
// bits of v. Short where the values are geometrically distributed around 2^k.
class RiceWriter {
 public:
  explicit RiceWriter(std::string* out) : out_(out) {}
  void Bits(uint64_t value, unsigned width);  // width <= 63, value < 2^width
  void Put(uint32_t value, unsigned k);       // k <= 32
  void Finish();                              // writes the last bits, padded with zeros to a byte

 private:
  std::string* out_;
  uint64_t pending_ = 0;
  unsigned filled_ = 0;  // bits in pending_, below 64 between calls
};

// Reads what RiceWriter wrote. After a read past the end, or a value over 32 bits, ok() is false
// for good and the values mean nothing. Never reads outside the bytes given.
class RiceReader {
 public:
  explicit RiceReader(std::string_view bytes) : bytes_(bytes) {}

  uint32_t Bits(unsigned width) {  // width <= 32
    uint64_t value = Window() & ((uint64_t{1} << width) - 1);
    bit_ += width;
    return static_cast<uint32_t>(value);
  }
  uint32_t Get(unsigned k) {  // k <= 32
    uint64_t window = Window();
    auto zeros = static_cast<unsigned>(std::countr_zero(window));
    if (zeros + 1 + k > kWindowBits) return GetFar(k);
    uint64_t value = uint64_t{zeros} << k | (window >> (zeros + 1) & ((uint64_t{1} << k) - 1));
    bit_ += zeros + 1 + k;
    overflow_ |= value >> 32;
    return static_cast<uint32_t>(value);
  }
  bool ok() const { return overflow_ == 0 && bit_ <= bytes_.size() * 8; }
  // Whole bytes used so far, the last one included.
  size_t BytesUsed() const { return (bit_ + 7) / 8; }
  // Whether what is left of the last byte used is zero, as Finish left it.
  bool PaddingIsZero() const { return (Window() & ((uint64_t{1} << ((8 - bit_ % 8) % 8)) - 1)) == 0; }

 private:
  static constexpr unsigned kWindowBits = 57;

  // The next kWindowBits or more bits, zeros after the end.
  uint64_t Window() const { return WordAt(bytes_, bit_ / 8) >> (bit_ % 8); }
  uint32_t GetFar(unsigned k);  // a code that does not fit a window

  std::string_view bytes_;
  size_t bit_ = 0;
  uint64_t overflow_ = 0;  // not 0 once a value was too large
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_BIT_PACK_H_
