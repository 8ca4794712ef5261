#include "format/filter_pattern.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

// The one pattern that a text makes; a failure where it makes none.
AttributePattern Read(const std::string& attribute, const std::string& text) {
  FilterDefinition definition;
  Status status = AddPattern(attribute, {text}, false, &definition);
  EXPECT_TRUE(status.ok()) << status.message();
  return status.ok() ? definition.patterns.front() : AttributePattern();
}

std::string Refusal(const std::string& attribute, const std::vector<std::string>& texts, bool is_list) {
  FilterDefinition definition;
  Status status = AddPattern(attribute, texts, is_list, &definition);
  EXPECT_EQ(status.code(), Code::kInvalid);
  EXPECT_TRUE(definition.patterns.empty());
  return status.message();
}

TEST(FilterPatternTest, ATextIsAValueAPrefixANegationOrAnything) {
  EXPECT_EQ(Read("country", "USA"), (AttributePattern{"country", false, {{TermKind::kValue, "USA"}}}));
  EXPECT_EQ(Read("country", "U*"), (AttributePattern{"country", false, {{TermKind::kPrefix, "U"}}}));
  EXPECT_EQ(Read("country", "!USA"), (AttributePattern{"country", true, {{TermKind::kValue, "USA"}}}));
  EXPECT_EQ(Read("country", "!U*"), (AttributePattern{"country", true, {{TermKind::kPrefix, "U"}}}));
  EXPECT_EQ(Read("country", "*"), (AttributePattern{"country", false, {}}));
  EXPECT_EQ(Read("x", ""), (AttributePattern{"x", false, {{TermKind::kValue, ""}}}));
  EXPECT_EQ(TermText({TermKind::kPrefix, "U"}), "U*");
}

TEST(FilterPatternTest, AListHoldsValuesAndPrefixes) {
  FilterDefinition definition;
  ASSERT_TRUE(AddPattern("os", {"13", "19*"}, true, &definition).ok());
  EXPECT_EQ(definition.patterns.front(),
            (AttributePattern{"os", false, {{TermKind::kValue, "13"}, {TermKind::kPrefix, "19"}}}));
}

TEST(FilterPatternTest, AddressesAndNetworksAreBroughtToOneForm) {
  EXPECT_EQ(Read("ip", "2001:DB8:0::1").terms[0].text, "2001:db8::1");
  EXPECT_EQ(Read("ip", "10.1.2.3/8").terms[0], (PatternTerm{TermKind::kCidr, "10.0.0.0/8"}));
  EXPECT_EQ(Read("ip", "2001:db8::ffff/33").terms[0], (PatternTerm{TermKind::kCidr, "2001:db8::/33"}));
  EXPECT_EQ(Read("ip", "!0.0.0.0/0").terms[0], (PatternTerm{TermKind::kCidr, "0.0.0.0/0"}));
  EXPECT_EQ(Read("ip", "207.1*").terms[0], (PatternTerm{TermKind::kPrefix, "207.1"}));
  EXPECT_EQ(Read("path", "/a/b").terms[0], (PatternTerm{TermKind::kValue, "/a/b"})) << "only ip has networks";
  EXPECT_EQ(Read("revenue", "1.5").terms[0].text, "1.500000");
}

TEST(FilterPatternTest, WhatIsWrongIsToldWithTheAttribute) {
  for (const char* cidr :
       {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "::/129", "10.0.0.0/8x", "/8"}) {
    EXPECT_TRUE(Refusal("ip", {cidr}, false).starts_with("ip: ")) << cidr;
  }
  EXPECT_TRUE(Refusal("ip", {"not an address"}, false).starts_with("ip: "));
  EXPECT_TRUE(Refusal("kind", {"clicks"}, false).starts_with("kind: "));
  EXPECT_TRUE(Refusal("revenue", {"dear"}, false).starts_with("revenue: "));
  EXPECT_TRUE(Refusal("os", {}, true).starts_with("os: "));
  EXPECT_TRUE(Refusal("os", {"13", "!19"}, true).starts_with("os: "));
  EXPECT_TRUE(Refusal("os", {"*"}, true).starts_with("os: "));
  EXPECT_TRUE(Refusal("os", {"!*"}, false).starts_with("os: "));
  EXPECT_TRUE(Refusal("os", {std::string(1025, 'a')}, false).starts_with("os: "));
  EXPECT_TRUE(Refusal("os", {"\xff"}, false).starts_with("os: "));
  Refusal("", {"x"}, false);
  Refusal(std::string(65, 'a'), {"x"}, false);
}

TEST(FilterPatternTest, AnAttributeComesOnce) {
  FilterDefinition definition;
  ASSERT_TRUE(AddPattern("os", {"13"}, false, &definition).ok());
  EXPECT_EQ(AddPattern("os", {"14"}, false, &definition).message(), "os: comes twice");
}

TEST(FilterPatternTest, AFilterIsBounded) {
  FilterDefinition definition;
  for (size_t i = 0; i < kFilterPatternsMax; ++i) {
    ASSERT_TRUE(AddPattern("a" + std::to_string(i), {"x"}, false, &definition).ok());
  }
  EXPECT_FALSE(AddPattern("more", {"x"}, false, &definition).ok());
  FilterDefinition terms;
  EXPECT_TRUE(AddPattern("a", std::vector<std::string>(kFilterTermsMax, "x"), true, &terms).ok());
  EXPECT_FALSE(AddPattern("b", {"x"}, false, &terms).ok());
}

// Bit by bit, as a network is defined.
bool SlowlyContains(const Cidr& network, const IpAddress& ip) {
  if (network.address.size != ip.size) return false;
  for (int bit = 0; bit < network.bits; ++bit) {
    const auto byte = static_cast<size_t>(bit / 8);
    const int mask = 0x80 >> bit % 8;
    if ((network.address.bytes[byte] & mask) != (ip.bytes[byte] & mask)) return false;
  }
  return true;
}

TEST(FilterPatternTest, NetworksContainTheAddressesThatShareTheirBits) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 20'000; ++i) {
    IpAddress ip;
    ip.size = random() % 2 == 0 ? 4 : 16;
    for (size_t k = 0; k < ip.size; ++k) ip.bytes[k] = static_cast<uint8_t>(random());
    IpAddress other = ip;
    other.bytes[random() % ip.size] ^= static_cast<uint8_t>(1U << random() % 8);
    const std::string text = FormatIp(ip) + "/" + std::to_string(random() % (ip.size * 8U + 1));
    std::optional<Cidr> network = ParseCidr(text);
    ASSERT_TRUE(network) << text;
    EXPECT_TRUE(Contains(*network, ip)) << text;
    EXPECT_EQ(Contains(*network, other), SlowlyContains(*network, other)) << text << " " << FormatIp(other);
    EXPECT_EQ(FormatCidr(*ParseCidr(FormatCidr(*network))), FormatCidr(*network));
  }
}

}  // namespace
}  // namespace tallymark
