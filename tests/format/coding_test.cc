#include "format/coding.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "format/checksum.h"
#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

std::string Varint(uint64_t value) {
  std::string out;
  PutVarint64(&out, value);
  return out;
}

TEST(CodingTest, FixedIntegersAreLittleEndian) {
  std::string out;
  PutFixed(&out, uint32_t{0x01020304});
  PutFixed(&out, uint16_t{0x0506});
  EXPECT_EQ(ToHex(out), "040302010605");
  std::string_view in = out;
  uint32_t wide = 0;
  uint16_t narrow = 0;
  ASSERT_TRUE(GetFixed(&in, &wide));
  EXPECT_EQ(wide, 0x01020304U);
  EXPECT_FALSE(GetFixed(&in, &wide));
  ASSERT_TRUE(GetFixed(&in, &narrow));
  EXPECT_EQ(narrow, 0x0506);
}

TEST(CodingTest, VarintsTakeSevenBitsAByte) {
  EXPECT_EQ(ToHex(Varint(0)), "00");
  EXPECT_EQ(ToHex(Varint(127)), "7f");
  EXPECT_EQ(ToHex(Varint(128)), "8001");
  EXPECT_EQ(ToHex(Varint(300)), "ac02");
  EXPECT_EQ(ToHex(Varint(std::numeric_limits<uint64_t>::max())), "ffffffffffffffffff01");
}

TEST(CodingTest, VarintsReadBackAndNeverBeyondTheirBytes) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 100'000; ++i) {
    uint64_t value = random() >> (random() % 64);
    std::string bytes = Varint(value);
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      std::string_view in = std::string_view(bytes).substr(0, cut);
      uint64_t read = 0;
      EXPECT_FALSE(GetVarint64(&in, &read));
    }
    std::string_view in = bytes;
    uint64_t read = 0;
    ASSERT_TRUE(GetVarint64(&in, &read));
    EXPECT_EQ(read, value);
    EXPECT_TRUE(in.empty());
  }
}

// What reads must write back the same: rows are compared, and merged, as bytes.
TEST(CodingTest, VarintsLongerThanNeededAreRefused) {
  for (const std::string& bytes : {std::string("\x80\x00", 2), std::string("\xff\x00", 2),
                                   std::string("\xac\x82\x00", 3), std::string("\x80\x80\x80\x00", 4)}) {
    std::string_view in = bytes;
    uint64_t read = 0;
    EXPECT_FALSE(GetVarint64(&in, &read)) << ToHex(bytes);
    EXPECT_EQ(in.size(), bytes.size());
  }
}

TEST(CodingTest, VarintsThatDoNotFitAreRefused) {
  uint64_t wide = 0;
  uint32_t narrow = 0;
  std::string bytes = FromHex("ffffffffffffffffff02");
  std::string_view in = bytes;
  EXPECT_FALSE(GetVarint64(&in, &wide));
  bytes = FromHex("8080808080808080808001");
  in = bytes;
  EXPECT_FALSE(GetVarint64(&in, &wide));
  bytes = Varint(uint64_t{1} << 32);
  in = bytes;
  EXPECT_FALSE(GetVarint32(&in, &narrow));
  bytes = Varint(std::numeric_limits<uint32_t>::max());
  in = bytes;
  ASSERT_TRUE(GetVarint32(&in, &narrow));
  EXPECT_EQ(narrow, std::numeric_limits<uint32_t>::max());
}

TEST(CodingTest, ZigZagKeepsSmallNumbersSmall) {
  EXPECT_EQ(ZigZag(0), 0U);
  EXPECT_EQ(ZigZag(-1), 1U);
  EXPECT_EQ(ZigZag(1), 2U);
  for (int64_t v : {std::numeric_limits<int64_t>::min(), int64_t{-2}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(UnZigZag(ZigZag(v)), v);
  }
}

TEST(CodingTest, LengthsAreCheckedBeforeBytesAreTaken) {
  std::string out;
  PutLengthPrefixed(&out, "abc");
  PutLengthPrefixed(&out, "");
  std::string_view in = out;
  std::string_view bytes;
  ASSERT_TRUE(GetLengthPrefixed(&in, &bytes));
  EXPECT_EQ(bytes, "abc");
  ASSERT_TRUE(GetLengthPrefixed(&in, &bytes));
  EXPECT_EQ(bytes, "");
  EXPECT_FALSE(GetLengthPrefixed(&in, &bytes));
  in = std::string_view(out).substr(0, 3);
  EXPECT_FALSE(GetLengthPrefixed(&in, &bytes));
  std::string huge = Varint(std::numeric_limits<uint64_t>::max()) + "abc";
  in = huge;
  EXPECT_FALSE(GetLengthPrefixed(&in, &bytes));
}

// Stored in every identity bucket and top chunk: another value means that no old file can be read.
TEST(CodingTest, TheChecksumItselfIsFrozen) {
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes.push_back(static_cast<char>(i * 7 + i / 256));
  EXPECT_EQ(Checksum32(""), 0x38d394c2U);
  EXPECT_EQ(Checksum32("tallymark"), 0xff9ba466U);
  EXPECT_EQ(Checksum32(std::string_view(bytes).substr(0, 200)), 0x7285e96aU);
  EXPECT_EQ(Checksum32(bytes), 0x6d138bd8U);
}

}  // namespace
}  // namespace tallymark
