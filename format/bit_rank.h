#ifndef TALLYMARK_FORMAT_BIT_RANK_H_
#define TALLYMARK_FORMAT_BIT_RANK_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tallymark {

// Counting in bit strings without decoding them, a word at a time. Bits are numbered as in bit_pack.h:
// bit b is bit b % 8 of byte b / 8. Functions without state; any thread may call them.

inline constexpr size_t kNoBit = SIZE_MAX;

// Where the 0-bit stands that `rank` others precede; kNoBit when the first `size` bits have no such.
// bits must hold them.
size_t SelectZero(std::string_view bits, size_t size, size_t rank);

// How many 1-bits stand in a row from bit `begin` on, among the first `size` bits. bits must hold them.
size_t OnesFrom(std::string_view bits, size_t size, size_t begin);

// The sum of the first n values of two bits each (PackBits with width 2). pairs must hold them.
size_t SumPairs(std::string_view pairs, size_t n);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_BIT_RANK_H_
