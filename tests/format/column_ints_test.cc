#include "format/column_ints.h"

#include <gtest/gtest.h>

#include <limits>

#include "format/column_scaled.h"
#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

using Numbers = std::vector<uint64_t>;

std::string Encode(const Numbers& numbers) {
  std::string bytes;
  EncodeInts(numbers, &bytes);
  return bytes;
}

void ExpectRoundTrip(const Numbers& numbers) {
  std::string bytes = Encode(numbers);
  std::string_view in = bytes;
  IntsReader reader;
  ASSERT_TRUE(reader.Open(&in, numbers.size()));
  EXPECT_TRUE(in.empty());
  Numbers read(numbers.size());
  reader.Read(0, read);
  EXPECT_EQ(read, numbers);
  size_t begin = numbers.size() / 3;
  read.resize(numbers.size() - begin - numbers.size() / 4);
  reader.Read(begin, read);
  EXPECT_TRUE(std::equal(read.begin(), read.end(), numbers.begin() + static_cast<std::ptrdiff_t>(begin)));
}

TEST(Ints, EqualNumbersTakeNoBits) {
  EXPECT_EQ(ToHex(Encode(Numbers(5'000, 300))), "00ac0200");
  ExpectRoundTrip(Numbers(5'000, 300));
}

TEST(Ints, BothEndsOfTheRangeRoundTrip) {
  uint64_t most = std::numeric_limits<uint64_t>::max();
  ExpectRoundTrip({0, most});
  ExpectRoundTrip({most, most, 0, most - 1, 1, most / 2});
  Numbers few_extremes(1'000, most / 2);
  few_extremes[17] = 0;
  few_extremes[999] = most;
  ExpectRoundTrip(few_extremes);
}

TEST(Ints, AFewFarNumbersOnEitherSideDoNotWidenTheOthers) {
  std::mt19937_64 random(TestSeed());
  Numbers numbers(8'192);
  for (uint64_t& number : numbers) number = 1'000'000 + random() % 4'096;
  size_t bulk = Encode(numbers).size();
  for (size_t i = 0; i < numbers.size(); i += 100) numbers[i] = i % 200 == 0 ? 5 + i : 50'000'000 - i;
  // The frame is guessed from 64 samples, so it may leave some of the bulk out; the whole range would
  // take more than twice the bulk.
  EXPECT_LT(Encode(numbers).size(), bulk + bulk / 2);
  ExpectRoundTrip(numbers);
}

TEST(Ints, RandomShapesRoundTrip) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 300; ++round) {
    Numbers numbers(1 + random() % 1'000);
    uint64_t base = random() >> (random() % 64);
    uint64_t width = random() % 64;
    uint64_t far = random() % 64;
    for (uint64_t& number : numbers)
      number = base + (random() >> (63 - width)) + (random() % 30 == 0 ? random() >> far : 0);
    ExpectRoundTrip(numbers);
  }
}

TEST(Ints, CutBytesAreRefused) {
  Numbers numbers(100, 7);
  numbers[50] = 1'000'000;
  numbers[60] = 8;
  std::string bytes = Encode(numbers);
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string_view in = std::string_view(bytes).substr(0, size);
    IntsReader reader;
    EXPECT_FALSE(reader.Open(&in, numbers.size())) << size;
  }
}

TEST(Ints, ExceptionsMustAscendWithinTheCount) {
  IntsReader reader;
  // width 0, base 0, exceptions as (distance, offset).
  std::string_view twice("\x00\x00\x02\x01\x02\x00\x02", 7);
  EXPECT_FALSE(reader.Open(&twice, 10));
  std::string_view outside("\x00\x00\x01\x0a\x02", 5);
  EXPECT_FALSE(reader.Open(&outside, 10));
  std::string_view good("\x00\x00\x02\x01\x02\x01\x02", 7);
  EXPECT_TRUE(reader.Open(&good, 10));
}

TEST(ScaleDown, TheCoarsestDivisorOfAllIsTaken) {
  Numbers seconds{0, 3'000'000'000, 60'000'000'000};
  EXPECT_EQ(kTimeDivisors[ScaleDown(kTimeDivisors, seconds)], 1'000'000'000U);
  EXPECT_EQ(seconds, (Numbers{0, 3, 60}));
  Numbers nanos{0, 3'000'000'000, 1};
  EXPECT_EQ(kTimeDivisors[ScaleDown(kTimeDivisors, nanos)], 1U);
  EXPECT_EQ(nanos, (Numbers{0, 3'000'000'000, 1}));
  Numbers greatest{std::numeric_limits<uint64_t>::max()};
  EXPECT_EQ(kTimeDivisors[ScaleDown(kTimeDivisors, greatest)], 1U);
  Numbers zeros{0, 0};
  EXPECT_EQ(kTimeDivisors[ScaleDown(kTimeDivisors, zeros)], 60'000'000'000U);
}

TEST(ScaleDown, EveryDivisorDividesItsMultiplesOnly) {
  std::mt19937_64 random(TestSeed());
  for (uint64_t divisor : kRevenueDivisors) {
    for (int round = 0; round < 200; ++round) {
      uint64_t number = random() / divisor >> (random() % 40);
      Numbers numbers{number * divisor};
      uint64_t got = kRevenueDivisors[ScaleDown(kRevenueDivisors, numbers)];
      EXPECT_EQ(got % divisor, 0U);
      EXPECT_EQ(numbers[0], number * divisor / got);
    }
  }
}

}  // namespace
}  // namespace tallymark
