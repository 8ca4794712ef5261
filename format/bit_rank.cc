#include "format/bit_rank.h"

#include <algorithm>
#include <bit>

#include "format/bit_pack.h"

namespace tallymark {
namespace {

// Sums are made in all bytes of a word at once. std::popcount is a call where the processor's own
// instruction may not be used, and what stands between its steps is needed here.
constexpr uint64_t kEachByte = 0x0101010101010101;
constexpr uint64_t kEachTop = 0x8080808080808080;
constexpr size_t kWordBits = 64;

constexpr uint64_t PairsInBytes(uint64_t pairs) {
  const uint64_t nibbles = (pairs & 0x3333333333333333) + (pairs >> 2 & 0x3333333333333333);
  return (nibbles + (nibbles >> 4)) & 0x0F0F0F0F0F0F0F0F;
}
constexpr uint64_t OnesInBytes(uint64_t word) {
  return PairsInBytes(word - (word >> 1 & 0x5555555555555555));
}
constexpr uint64_t SumBytes(uint64_t bytes) { return bytes * kEachByte >> 56; }

// How many bytes are <= limit, which is below 128, as are they.
constexpr uint64_t BytesUpTo(uint64_t bytes, uint64_t limit) {
  return SumBytes(((limit * kEachByte | kEachTop) - bytes) >> 7 & kEachByte);
}

// Where the 1-bit stands that `rank` others precede; the word has it. No branch: it could not be foretold.
uint64_t SelectInWord(uint64_t word, uint64_t rank) {
  const uint64_t sums = OnesInBytes(word) * kEachByte;  // in each byte: of it and all below
  const uint64_t first = BytesUpTo(sums, rank) * 8;
  rank -= sums << 8 >> first & 0xFF;
  const uint64_t bits = (word >> first & 0xFF) * kEachByte & 0x8040201008040201;  // bit i in byte i
  const uint64_t ones = (bits + 0x7F7F7F7F7F7F7F7F) >> 7 & kEachByte;
  return first + BytesUpTo(ones * kEachByte, rank);
}

}  // namespace

size_t SelectZero(std::string_view bits, size_t size, size_t rank) {
  for (size_t bit = 0; bit < size; bit += kWordBits) {
    const uint64_t zeros = ~WordAt(bits, bit / 8);
    const uint64_t count = SumBytes(OnesInBytes(zeros));
    if (rank < count) {
      const size_t found = bit + SelectInWord(zeros, rank);
      return found < size ? found : kNoBit;
    }
    rank -= count;
  }
  return kNoBit;
}

size_t OnesFrom(std::string_view bits, size_t size, size_t begin) {
  size_t bit = begin;
  while (bit < size) {
    const size_t shift = bit % 8;
    const auto ones = static_cast<size_t>(std::countr_one(WordAt(bits, bit / 8) >> shift));
    bit += ones;
    if (ones < kWordBits - shift) break;
  }
  return std::min(bit, size) - begin;
}

size_t SumPairs(std::string_view pairs, size_t n) {
  constexpr size_t kPairs = kWordBits / 2;
  size_t sum = 0;
  size_t at = 0;
  for (; n - at >= kPairs; at += kPairs) sum += SumBytes(PairsInBytes(WordAt(pairs, at / 4)));
  if (at == n) return sum;
  const uint64_t last = WordAt(pairs, at / 4) & ~uint64_t{0} >> (kWordBits - 2 * (n - at));
  return sum + SumBytes(PairsInBytes(last));
}

}  // namespace tallymark
