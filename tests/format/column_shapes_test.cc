#include "format/column_shapes.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <optional>
#include <string>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

// What Format makes of what Parse read; nothing where Parse refuses.
std::optional<std::string> AsUuid(std::string_view text) {
  TwoWords value;
  std::array<char, kUuidBytes> out;
  if (!ParseUuid(text, &value)) return std::nullopt;
  return std::string(out.data(), FormatUuid(value, out.data()));
}
std::optional<std::string> AsIpv4(std::string_view text) {
  uint32_t value = 0;
  std::array<char, kIpv4BytesMax> out;
  if (!ParseIpv4(text, &value)) return std::nullopt;
  return std::string(out.data(), FormatIpv4(value, out.data()));
}
std::optional<std::string> AsIpv6(std::string_view text) {
  TwoWords value;
  std::array<char, kIpv6BytesMax> out;
  if (!ParseIpv6(text, &value)) return std::nullopt;
  return std::string(out.data(), FormatIpv6(value, out.data()));
}
std::optional<std::string> AsDigits(std::string_view text, size_t digits_min) {
  uint64_t value = 0;
  std::array<char, kFormatDigitsMax> out;
  if (!ParseDigits(text, digits_min, &value)) return std::nullopt;
  return std::string(out.data(), FormatDigits(value, digits_min, out.data()));
}

TEST(Shapes, UuidsHaveOneSpelling) {
  std::string uuid = "0123abcd-ef45-6789-9876-fedcba543210";
  TwoWords value;
  ASSERT_TRUE(ParseUuid(uuid, &value));
  EXPECT_EQ(value.high, 0x0123abcdef456789u);
  EXPECT_EQ(value.low, 0x9876fedcba543210u);
  EXPECT_EQ(AsUuid(uuid), uuid);
  EXPECT_EQ(AsUuid(uuid.substr(1)), std::nullopt);
  EXPECT_EQ(AsUuid(uuid + "0"), std::nullopt);
  // Every other byte at every place either is refused or gives itself back.
  for (size_t i = 0; i < uuid.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string changed = uuid;
      changed[i] = static_cast<char>(c);
      bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      bool dash = i == 8 || i == 13 || i == 18 || i == 23;
      EXPECT_EQ(AsUuid(changed), (dash ? c == '-' : hex) ? std::optional(changed) : std::nullopt) << changed;
    }
  }
}

TEST(Shapes, Ipv4AddressesHaveOneSpelling) {
  for (const char* good :
       {"0.0.0.0", "255.255.255.255", "1.2.3.4", "10.20.30.40", "100.200.99.9", "9.99.200.100"}) {
    EXPECT_EQ(AsIpv4(good), good);
  }
  for (const char* bad : {"",          "1.2.3",     "1.2.3.4.", ".1.2.3.4",   "1..2.3",          "1.2.3.4.5",
                          "256.1.1.1", "1.1.1.256", "01.2.3.4", "1.2.3.00",   "1.2.3.04",        "1.2.3.4x",
                          "1.2.3.x",   "1,2,3,4",   "1.2.3.4 ", "0001.2.3.4", "1.2.3.1000",      "-1.2.3.4",
                          "1.2.3.4\n", "........",  "12345678", "1.2.3.\xb4", "255.255.255.2555"}) {
    EXPECT_EQ(AsIpv4(bad), std::nullopt) << bad;
  }
}

TEST(Shapes, EveryIpv4OctetRoundTripsInEveryPlace) {
  for (int place = 0; place < 4; ++place) {
    for (int number = 0; number < 1'100; ++number) {
      std::string text;
      for (int i = 0; i < 4; ++i) {
        if (i > 0) text.push_back('.');
        text.append(i == place ? std::to_string(number) : i % 2 == 0 ? "7" : "123");
      }
      EXPECT_EQ(AsIpv4(text), number < 256 ? std::optional(text) : std::nullopt) << text;
    }
  }
}

TEST(Shapes, Ipv6AddressesHaveOneSpelling) {
  for (const char* good :
       {"::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "1:2:3:4:5:6:7:8",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1:0:0:2::3", "fe80::1:0:0:1", "::ffff:102:304"}) {
    EXPECT_EQ(AsIpv6(good), good) << good;
  }
  for (const char* bad : {"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "2001:DB8::1",
                          "2001:0db8::1", "1::2::3", "1:0:0:0:0:0:0:1", "1::3:4:5:6:7:8", "::ffff:1.2.3.4",
                          "1:2:3:4:5:6:7:", "12345::", "1::3%eth0", "::1 ", "1:2:3:4:5:6:7:8::", "g::"}) {
    EXPECT_EQ(AsIpv6(bad), std::nullopt) << bad;
  }
}

TEST(Shapes, DigitsAreTakenWhenTheyComeBackTheSame) {
  EXPECT_EQ(AsDigits("0", 1), "0");
  EXPECT_EQ(AsDigits("907", 1), "907");
  EXPECT_EQ(AsDigits("007", 3), "007");
  EXPECT_EQ(AsDigits("1007", 3), "1007");
  EXPECT_EQ(AsDigits("9999999999999999999", 1), "9999999999999999999");
  EXPECT_EQ(AsDigits("0000000000000000001", 19), "0000000000000000001");
  EXPECT_EQ(AsDigits("007", 1), std::nullopt);
  EXPECT_EQ(AsDigits("0007", 3), std::nullopt);
  EXPECT_EQ(AsDigits("07", 3), std::nullopt);
  EXPECT_EQ(AsDigits("", 1), std::nullopt);
  EXPECT_EQ(AsDigits("1x", 1), std::nullopt);
  EXPECT_EQ(AsDigits("-1", 1), std::nullopt);
  EXPECT_EQ(AsDigits("18446744073709551615", 1), std::nullopt);  // 20 digits
}

TEST(Shapes, AnyNumberAndAnyByteInItRoundTripOrAreRefused) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 20'000; ++round) {
    std::string text = std::to_string(random() >> (random() % 64));
    EXPECT_EQ(AsDigits(text, 1), text.size() <= kDigitsMax ? std::optional(text) : std::nullopt);
    size_t at = random() % text.size();
    auto c = static_cast<char>(random());
    if (c >= '0' && c <= '9') continue;
    text[at] = c;
    EXPECT_EQ(AsDigits(text, 1), std::nullopt) << text;
  }
  std::array<char, kFormatDigitsMax> out;
  EXPECT_EQ(FormatDigits(std::numeric_limits<uint64_t>::max(), 19, out.data()), 20U);
  EXPECT_EQ(std::string_view(out.data(), 20), "18446744073709551615");
}

}  // namespace
}  // namespace tallymark
