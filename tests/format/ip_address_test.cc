#include "format/ip_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>

namespace tallymark {
namespace {

TEST(IpAddressTest, Ipv4HasOneForm) {
  for (const char* good : {"0.0.0.0", "1.2.3.4", "255.255.255.255", "207.1.1.22", "10.0.100.99"}) {
    EXPECT_EQ(CanonicalIp(good), good);
  }
  for (const char* bad :
       {"",          "1",         "1.2.3",    "1.2.3.",    ".1.2.3",     "1.2.3.4.", "1.2.3.4.5",
        "256.1.1.1", "1.1.1.256", "01.1.1.1", "1.1.1.00",  "1..1.1",     "1.1.1.1 ", " 1.1.1.1",
        "a.1.1.1",   "1.1.1.-1",  "1,1,1,1",  "0x1.1.1.1", "1111.1.1.1", "999.1.1.1"}) {
    EXPECT_EQ(CanonicalIp(bad), std::nullopt) << bad;
  }
}

TEST(IpAddressTest, Ipv6IsBroughtIntoOneForm) {
  EXPECT_EQ(CanonicalIp("::"), "::");
  EXPECT_EQ(CanonicalIp("::1"), "::1");
  EXPECT_EQ(CanonicalIp("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
  EXPECT_EQ(CanonicalIp("2001:0db8::0001"), "2001:db8::1");
  EXPECT_EQ(CanonicalIp("::FFFF:1.2.3.4"), "::ffff:1.2.3.4");
  EXPECT_EQ(CanonicalIp("1:0:0:2:0:0:0:3"), "1:0:0:2::3");
  for (const char* bad : {":", ":::", "1::2::3", "12345::", "g::", "::1%eth0", "1:2:3:4:5:6:7",
                          "1:2:3:4:5:6:7:8:9", "::1.2.3.256", "[::1]", "::1 "}) {
    EXPECT_EQ(CanonicalIp(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(CanonicalIp(std::string_view("::1\0", 4)), std::nullopt);
}

TEST(IpAddressTest, BytesAndTextAgree) {
  std::optional<IpAddress> v4 = ParseIp("1.2.3.255");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->size, 4);
  EXPECT_EQ(v4->bytes[3], 255);
  std::optional<IpAddress> v6 = ParseIp("2001:db8::ff");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->size, 16);
  EXPECT_EQ(v6->bytes[15], 0xFF);
  EXPECT_EQ(FormatIp(*v4), "1.2.3.255");
  EXPECT_EQ(FormatIp(*v6), "2001:db8::ff");
}

TEST(IpAddressTest, Ipv4AgreesWithTheSystemOnRandomTexts) {
  std::mt19937 random(20240611);
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (size_t size = 5 + random() % 12; text.size() < size;) text += "0125.."[random() % 6];
    in_addr ignored;
    EXPECT_EQ(ParseIp(text).has_value(), inet_pton(AF_INET, text.c_str(), &ignored) == 1) << text;
  }
}

}  // namespace
}  // namespace tallymark
