#include "format/bit_rank.h"

#include <gtest/gtest.h>

#include <string>

#include "format/bit_pack.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

bool Bit(const std::string& bits, size_t bit) { return (bits[bit / 8] >> bit % 8 & 1) != 0; }

// Bytes of random bits, of which a bit is 1 with a chance of density / 8; not a byte to spare.
std::string RandomBits(std::mt19937_64& random, size_t bytes, unsigned density) {
  std::string bits(bytes, '\0');
  for (size_t bit = 0; bit < bytes * 8; ++bit) {
    if (random() % 8 < density) bits[bit / 8] = static_cast<char>(bits[bit / 8] | 1 << bit % 8);
  }
  bits.shrink_to_fit();
  return bits;
}

TEST(BitRankTest, EveryZeroIsWhereCountingFindsIt) {
  std::mt19937_64 random(TestSeed());
  for (unsigned round = 0; round < 300; ++round) {
    const std::string bits = RandomBits(random, random() % 40, round % 9);
    const size_t size = bits.size() * 8 - (bits.empty() ? 0 : random() % 8);
    size_t rank = 0;
    for (size_t bit = 0; bit < size; ++bit) {
      if (Bit(bits, bit)) continue;
      ASSERT_EQ(SelectZero(bits, size, rank), bit);
      ++rank;
    }
    EXPECT_EQ(SelectZero(bits, size, rank), kNoBit);
    EXPECT_EQ(SelectZero(bits, size, rank + 1'000'000), kNoBit);
  }
}

TEST(BitRankTest, OnesInARowAreCountedToTheFirstZeroOrTheEnd) {
  std::mt19937_64 random(TestSeed());
  for (unsigned round = 0; round < 300; ++round) {
    const std::string bits = RandomBits(random, 30, round % 9);
    const size_t size = bits.size() * 8 - random() % 8;
    for (size_t begin = 0; begin <= size; ++begin) {
      size_t ones = 0;
      while (begin + ones < size && Bit(bits, begin + ones)) ++ones;
      ASSERT_EQ(OnesFrom(bits, size, begin), ones);
    }
  }
}

TEST(BitRankTest, PairsAreSummedUpToEveryPlace) {
  std::mt19937_64 random(TestSeed());
  for (size_t n = 0; n < 200; ++n) {
    std::vector<uint64_t> values(n);
    for (uint64_t& value : values) value = n % 3 == 0 ? 3 : random() % 4;
    std::string packed;
    PackBits(values, 2, 0, &packed);
    packed.shrink_to_fit();
    size_t sum = 0;
    for (size_t i = 0; i < n; ++i) {
      ASSERT_EQ(SumPairs(packed, i), sum);
      sum += values[i];
    }
    ASSERT_EQ(SumPairs(packed, n), sum);
  }
}

}  // namespace
}  // namespace tallymark
