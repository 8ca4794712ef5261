#include "format/keys.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <tuple>

#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

TEST(KeysTest, GoldenKeysStayAsTheyWereWritten) {
  auto golden = ReadGolden("keys_v1.txt");
  ASSERT_EQ(golden.size(), 9U);
  EXPECT_EQ(ToHex(RawKey{.sequence = 0x0102030405060708}.Encode()), ToHex(golden["raw"]));
  EXPECT_EQ(ToHex(HourKey{.hour = 447'072, .number = 5}.Encode()), ToHex(golden["hour"]));
  EXPECT_EQ(ToHex(HourKey{.hour = -1, .number = 5}.Encode()), ToHex(golden["hour_before_1970"]));
  EXPECT_EQ(ToHex(CounterKey{.ad = 7, .filter = 12, .hour = 447'072}.Encode()), ToHex(golden["counter"]));
  EXPECT_EQ(ToHex(IdentityKey{.day = 18'628, .segment = 3, .bucket = 0xBEEF}.Encode()),
            ToHex(golden["identity"]));
  EXPECT_EQ(ToHex(AdKey{.number = 1'000'000}.Encode()), ToHex(golden["ad"]));
  TopKey top{.bucket = 26'824'320, .filter = 12, .metric = 1, .generation = 0x0102030405060708, .chunk = 2};
  EXPECT_EQ(ToHex(top.Encode()), ToHex(golden["top"]));
  EXPECT_EQ(ToHex(top.EncodePrefix()), ToHex(golden["top_prefix"]));
  top.bucket = -1;
  EXPECT_EQ(ToHex(top.EncodePrefix()), ToHex(golden["top_prefix_before_1970"]));
}

TEST(KeysTest, GoldenKeysOfFormat2StayAsTheyWereWritten) {
  auto golden = ReadGolden("keys_v2.txt");
  EXPECT_EQ(ToHex(JobKey{.id = 0x0102030405060708}.Encode()), ToHex(golden["job"]));
  EXPECT_EQ(ToHex(FilterKey{.id = 12}.Encode()), ToHex(golden["filter"]));
  EXPECT_EQ(ToHex(DistinctKey{.ad = 7, .hour = 447'072}.Encode()), ToHex(golden["distinct"]));
}

TEST(KeysTest, PrefixesBeginTheirKeys) {
  TopKey top{.bucket = -5, .filter = 2, .metric = 3, .generation = 4, .chunk = 5};
  EXPECT_EQ(top.EncodePrefix().size(), 9U);
  EXPECT_TRUE(top.Encode().starts_with(top.EncodePrefix()));
  CounterKey a{.ad = 1, .filter = 2, .hour = 3};
  CounterKey b{.ad = 1, .filter = 2, .hour = -3};
  EXPECT_EQ(a.Encode().substr(0, CounterKey::kPrefixSize), b.Encode().substr(0, CounterKey::kPrefixSize));
}

template <class Key>
void ExpectOtherSizesRefused(const Key& key) {
  std::string bytes = key.Encode();
  for (size_t size = 0; size <= bytes.size() + 1; ++size) {
    std::string other = bytes;
    other.resize(size);
    Key out;
    EXPECT_EQ(Key::Decode(other, &out), size == bytes.size()) << size;
  }
}

TEST(KeysTest, KeysOfTheWrongSizeAreRefused) {
  ExpectOtherSizesRefused(RawKey{});
  ExpectOtherSizesRefused(HourKey{});
  ExpectOtherSizesRefused(CounterKey{});
  ExpectOtherSizesRefused(DistinctKey{});
  ExpectOtherSizesRefused(IdentityKey{});
  ExpectOtherSizesRefused(AdKey{});
  ExpectOtherSizesRefused(JobKey{});
  ExpectOtherSizesRefused(FilterKey{});
  ExpectOtherSizesRefused(TopKey{});
}

// Values near each other and at the ends, where a wrong sign or byte order shows.
template <class T>
T Pick(std::mt19937_64& random) {
  constexpr T kEdges[] = {std::numeric_limits<T>::min(),
                          std::numeric_limits<T>::max(),
                          T{0},
                          T{1},
                          static_cast<T>(-1),
                          T{127},
                          T{128},
                          T{255},
                          static_cast<T>(256)};
  return random() % 2 == 0 ? kEdges[random() % std::size(kEdges)] : static_cast<T>(random());
}

// Encodes two random keys: order of bytes must be order of fields, and decoding must give them back.
template <class Key, class Make, class Fields>
void ExpectOrderAndRoundTrip(std::mt19937_64& random, Make make, Fields fields) {
  for (int i = 0; i < 20'000; ++i) {
    Key a = make(random);
    Key b = make(random);
    EXPECT_EQ(fields(a) < fields(b), a.Encode() < b.Encode());
    Key back;
    ASSERT_TRUE(Key::Decode(a.Encode(), &back));
    EXPECT_EQ(fields(back), fields(a));
  }
}

TEST(KeysTest, BytewiseOrderIsNumericOrder) {
  std::mt19937_64 random(TestSeed());
  using Random = std::mt19937_64;
  ExpectOrderAndRoundTrip<RawKey>(
      random, [](Random& r) { return RawKey{.sequence = Pick<uint64_t>(r)}; },
      [](const RawKey& k) { return k.sequence; });
  ExpectOrderAndRoundTrip<HourKey>(
      random, [](Random& r) { return HourKey{.hour = Pick<int32_t>(r), .number = Pick<uint64_t>(r)}; },
      [](const HourKey& k) { return std::tuple(k.hour, k.number); });
  ExpectOrderAndRoundTrip<CounterKey>(
      random,
      [](Random& r) {
        return CounterKey{.ad = Pick<uint32_t>(r), .filter = Pick<uint32_t>(r), .hour = Pick<int32_t>(r)};
      },
      [](const CounterKey& k) { return std::tuple(k.ad, k.filter, k.hour); });
  ExpectOrderAndRoundTrip<DistinctKey>(
      random, [](Random& r) { return DistinctKey{.ad = Pick<uint32_t>(r), .hour = Pick<int32_t>(r)}; },
      [](const DistinctKey& k) { return std::tuple(k.ad, k.hour); });
  ExpectOrderAndRoundTrip<IdentityKey>(
      random,
      [](Random& r) {
        return IdentityKey{
            .day = Pick<int32_t>(r), .segment = Pick<uint32_t>(r), .bucket = Pick<uint32_t>(r)};
      },
      [](const IdentityKey& k) { return std::tuple(k.day, k.segment, k.bucket); });
  ExpectOrderAndRoundTrip<AdKey>(
      random, [](Random& r) { return AdKey{.number = Pick<uint32_t>(r)}; },
      [](const AdKey& k) { return k.number; });
  ExpectOrderAndRoundTrip<JobKey>(
      random, [](Random& r) { return JobKey{.id = Pick<uint64_t>(r)}; },
      [](const JobKey& k) { return k.id; });
  ExpectOrderAndRoundTrip<FilterKey>(
      random, [](Random& r) { return FilterKey{.id = Pick<uint32_t>(r)}; },
      [](const FilterKey& k) { return k.id; });
  ExpectOrderAndRoundTrip<TopKey>(
      random,
      [](Random& r) {
        return TopKey{.bucket = Pick<int32_t>(r),
                      .filter = Pick<uint32_t>(r),
                      .metric = Pick<uint8_t>(r),
                      .generation = Pick<uint64_t>(r),
                      .chunk = Pick<uint16_t>(r)};
      },
      [](const TopKey& k) { return std::tuple(k.bucket, k.filter, k.metric, k.generation, k.chunk); });
}

}  // namespace
}  // namespace tallymark
