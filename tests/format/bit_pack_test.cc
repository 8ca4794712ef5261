#include "format/bit_pack.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

// A copy without a byte to spare behind it, so that a sanitizer sees every read past the end.
class Exact {
 public:
  explicit Exact(std::string_view bytes) : size_(bytes.size()), bytes_(new char[bytes.size()]) {
    std::memcpy(bytes_.get(), bytes.data(), bytes.size());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

TEST(BitPack, BitsAreReadAtEveryPlaceInEveryWidth) {
  std::mt19937_64 random(TestSeed());
  std::string bytes(19, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  Exact exact(bytes);
  for (size_t bit = 0; bit <= bytes.size() * 8; ++bit) {
    uint64_t expected = 0;
    for (unsigned width = 0; width <= 64 && bit + width <= bytes.size() * 8; ++width) {
      ASSERT_EQ(BitsAt(exact.view(), bit, width), expected);
      const size_t next = bit + width;
      if (width < 64 && next < bytes.size() * 8)
        expected |= static_cast<uint64_t>(bytes[next / 8] >> next % 8 & 1) << width;
    }
  }
}

TEST(BitPack, EveryWidthRoundTripsFromEveryPosition) {
  std::mt19937_64 random(TestSeed());
  for (unsigned width = 0; width <= kPackedWidthMax; ++width) {
    std::vector<uint64_t> values(77);
    uint64_t base = random();
    for (uint64_t& value : values) value = base + (width == 0 ? 0 : random() >> (64 - width));
    std::string packed;
    PackBits(values, width, base, &packed);
    ASSERT_EQ(packed.size(), PackedBytes(values.size(), width));
    Exact exact(packed);
    for (size_t begin = 0; begin < values.size(); ++begin) {
      std::vector<uint64_t> read(values.size() - begin);
      UnpackBits(exact.view(), begin, width, base, read);
      ASSERT_EQ(read,
                std::vector<uint64_t>(values.begin() + static_cast<std::ptrdiff_t>(begin), values.end()))
          << "width " << width << " from " << begin;
    }
  }
}

TEST(BitPack, ValuesLieLeastSignificantBitFirst) {
  std::string packed;
  PackBits(std::vector<uint64_t>{1, 2, 3, 4, 5}, 3, 0, &packed);
  EXPECT_EQ(ToHex(packed), "d158");  // 101 100 011 010 001 from the right
}

TEST(RiceCodes, ValuesRoundTripForEveryParameter) {
  std::mt19937_64 random(TestSeed());
  for (unsigned k = 0; k <= 32; ++k) {
    std::vector<uint32_t> values;
    for (int i = 0; i < 200; ++i) {
      // At most some thousand zero bits in a row.
      uint64_t limit =
          std::min<uint64_t>(uint64_t{UINT32_MAX}, (uint64_t{1} << k) * (random() % 10 == 0 ? 3000 : 3));
      values.push_back(static_cast<uint32_t>(random() % (limit + 1)));
    }
    std::string bytes;
    RiceWriter writer(&bytes);
    writer.Bits(21, 5);
    for (uint32_t value : values) writer.Put(value, k);
    writer.Finish();
    Exact exact(bytes);
    RiceReader reader(exact.view());
    ASSERT_EQ(reader.Bits(5), 21U);
    for (uint32_t value : values) ASSERT_EQ(reader.Get(k), value) << "k " << k;
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(reader.BytesUsed(), bytes.size());
  }
}

TEST(RiceCodes, ReadingPastTheEndIsNotOk) {
  RiceReader zeros(std::string_view("\0\0\0", 3));
  zeros.Get(2);
  EXPECT_FALSE(zeros.ok());
  RiceReader cut(std::string_view("\x01", 1));
  cut.Get(9);
  EXPECT_FALSE(cut.ok());
  RiceReader empty((std::string_view()));
  empty.Bits(1);
  EXPECT_FALSE(empty.ok());
}

TEST(RiceCodes, AValueOver32BitsIsNotOk) {
  std::string bytes;
  RiceWriter writer(&bytes);
  writer.Bits(4, 3);  // a quotient of 2 and 31 low bits: 2^32
  writer.Bits(0, 31);
  writer.Finish();
  RiceReader reader(bytes);
  reader.Get(31);
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace tallymark
