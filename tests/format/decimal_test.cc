#include "format/decimal.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(DecimalTest, ReadsPlainNumbers) {
  EXPECT_EQ(ParseMicros("12.34"), 12'340'000);
  EXPECT_EQ(ParseMicros("0"), 0);
  EXPECT_EQ(ParseMicros("+7"), 7'000'000);
  EXPECT_EQ(ParseMicros("-7.000001"), -7'000'001);
  EXPECT_EQ(ParseMicros("0000000000000000000000000000001.5"), 1'500'000);
}

TEST(DecimalTest, NegativeZeroIsZero) {
  EXPECT_EQ(ParseMicros("-0"), 0);
  EXPECT_EQ(ParseMicros("-0.0000000e99"), 0);
}

TEST(DecimalTest, EitherSideOfThePointMayBeEmpty) {
  EXPECT_EQ(ParseMicros(".5"), 500'000);
  EXPECT_EQ(ParseMicros("5."), 5'000'000);
  EXPECT_EQ(ParseMicros("-.5e1"), -5'000'000);
}

TEST(DecimalTest, TrailingZerosDoNotCountAsDecimals) {
  EXPECT_EQ(ParseMicros("1.2300000"), 1'230'000);
  EXPECT_EQ(ParseMicros("1.000000" + std::string(5000, '0')), 1'000'000);
  EXPECT_FALSE(ParseMicros("0.0000001"));
  EXPECT_FALSE(ParseMicros("1.0000001"));
}

TEST(DecimalTest, ExponentMovesThePointExactly) {
  EXPECT_EQ(ParseMicros("1.5e2"), 150'000'000);
  EXPECT_EQ(ParseMicros("1.5E+2"), 150'000'000);
  EXPECT_EQ(ParseMicros("15e-1"), 1'500'000);
  EXPECT_EQ(ParseMicros("1e-6"), 1);
  EXPECT_EQ(ParseMicros("0.0000001e1"), 1);
  EXPECT_EQ(ParseMicros("1000000000000000000000e-20"), 10'000'000);
  EXPECT_FALSE(ParseMicros("1e-7"));
  EXPECT_FALSE(ParseMicros("1e13"));
}

TEST(DecimalTest, HugeExponentsAreRefusedAtOnce) {
  EXPECT_FALSE(ParseMicros("1e99999999999999999999999999"));
  EXPECT_FALSE(ParseMicros("1e-99999999999999999999999999"));
  EXPECT_EQ(ParseMicros("0e99999999999999999999999999"), 0);
}

TEST(DecimalTest, RangeIsInt64MillionthsToTheLast) {
  EXPECT_EQ(ParseMicros("9223372036854.775807"), kMax);
  EXPECT_EQ(ParseMicros("-9223372036854.775808"), kMin);
  EXPECT_FALSE(ParseMicros("9223372036854.775808"));
  EXPECT_FALSE(ParseMicros("-9223372036854.775809"));
  EXPECT_FALSE(ParseMicros("18446744073709.551617"));
  EXPECT_FALSE(ParseMicros("99999999999999999999999999"));
}

TEST(DecimalTest, WhatIsNoDecimalIsRefused) {
  for (std::string_view text :
       {"",    ".",    "+",   "-",   "e",     "e5",  "1e",  "1e+", "1e1.0", "1e 1",  "nan", "NaN",
        "inf", "-inf", "0x1", "1,5", "1.2.3", "--1", "+-1", " 1",  "1 ",    "1_000", "1f",  ".e1"}) {
    EXPECT_FALSE(ParseMicros(text)) << text;
  }
  EXPECT_FALSE(ParseMicros(std::string_view("1\0", 2)));
}

TEST(DecimalTest, FormatsAlwaysSixDecimals) {
  EXPECT_EQ(FormatMicros(12'340'000), "12.340000");
  EXPECT_EQ(FormatMicros(0), "0.000000");
  EXPECT_EQ(FormatMicros(-1), "-0.000001");
  EXPECT_EQ(FormatMicros(kMax), "9223372036854.775807");
  EXPECT_EQ(FormatMicros(kMin), "-9223372036854.775808");
}

TEST(DecimalTest, WhatIsFormattedReadsBack) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 100'000; ++i) {
    auto micros = static_cast<int64_t>(random() >> (random() % 64));
    if (random() % 2 == 0) micros = -micros;
    EXPECT_EQ(ParseMicros(FormatMicros(micros)), micros);
  }
}

}  // namespace
}  // namespace tallymark
