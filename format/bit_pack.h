#ifndef TALLYMARK_FORMAT_BIT_PACK_H_
#define TALLYMARK_FORMAT_BIT_PACK_H_

#include <cstddef>
#include <cstdint>
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

// Appends the values, each below 2^width (width 0: nothing is written, the values must be 0).
// Unused bits of the last byte are 0.
void PackBits(std::span<const uint64_t> values, unsigned width, std::string* out);

// Reads values [begin, begin + out.size()) of `packed` and adds `base` (modulo 2^64) to each.
// `packed` must hold PackedBytes(begin + out.size(), width) bytes; no byte after it is touched.
void UnpackBits(std::string_view packed, size_t begin, unsigned width, uint64_t base,
                std::span<uint64_t> out);

// Appends Rice codes: for a value v and a parameter k, v >> k zero bits, a one bit, then the k low
// bits of v. Short where the values are geometrically distributed around 2^k.
class RiceWriter {
 public:
  explicit RiceWriter(std::string* out) : out_(out) {}
  void Bits(uint64_t value, unsigned width);  // width <= 32, value < 2^width
  void Put(uint32_t value, unsigned k);       // k <= 32
  void Finish();                              // writes the last bits, padded with zeros to a byte

 private:
  std::string* out_;
  uint64_t pending_ = 0;
  unsigned filled_ = 0;  // bits in pending_, below 32 between calls
};

// Reads what RiceWriter wrote. After a read past the end, or a value over 32 bits, ok() is false
// for good and every value is 0. Never reads outside the bytes given.
class RiceReader {
 public:
  explicit RiceReader(std::string_view bytes) : bytes_(bytes) {}
  uint32_t Bits(unsigned width);  // width <= 32
  uint32_t Get(unsigned k);       // k <= 32
  bool ok() const { return ok_; }
  // Whole bytes used so far, the last one included.
  size_t BytesUsed() const { return (bit_ + 7) / 8; }

 private:
  uint64_t Window() const;  // the next 57 or more bits, zeros after the end

  std::string_view bytes_;
  size_t bit_ = 0;
  bool ok_ = true;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_BIT_PACK_H_
