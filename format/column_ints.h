#ifndef TALLYMARK_FORMAT_COLUMN_INTS_H_
#define TALLYMARK_FORMAT_COLUMN_INTS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tallymark {

// A run of 64-bit numbers as distances from a base, packed to one width. Numbers outside
// [base, base + 2^width) are patched in as exceptions, so that a few far ones (late events) do not
// widen all. The count is not stored: whoever reads knows it. Layout in raw_block.md, "Ints".
//
// Appends 1..65,535 numbers. Equal input gives equal bytes. Costs about 3 ns a number.
void EncodeInts(std::span<const uint64_t> values, std::string* out);

// Reads what EncodeInts wrote. Keeps views into the bytes it was opened on.
class IntsReader {
 public:
  // Takes the bytes of `count` numbers from the front of *in and checks their structure. False
  // when they are damaged; *in is then unspecified. Allocates at most 16 bytes per exception
  // stored.
  bool Open(std::string_view* in, size_t count);

  // Numbers [begin, begin + out.size()); the range must lie within the count given to Open.
  void Read(size_t begin, std::span<uint64_t> out) const;

 private:
  std::string_view packed_;
  uint64_t base_ = 0;
  unsigned width_ = 0;
  std::vector<std::pair<uint32_t, uint64_t>> exceptions_;  // position, value; by position
};

// Readers go through a column in pieces of this many numbers, which fit the first-level cache.
inline constexpr size_t kIntsPiece = 256;

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_COLUMN_INTS_H_
