#include "format/column_text.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

using Texts = std::vector<std::string>;

struct Encoded {
  TextEncoding encoding;
  std::string body;
};

Encoded Encode(const Texts& texts, std::span<const DistinctElement> known = {}) {
  std::vector<std::string_view> views(texts.begin(), texts.end());
  Encoded encoded;
  encoded.encoding = TextEncoder().Encode(views, known, &encoded.body);
  return encoded;
}

// That elements of the texts, all or every second one's, change no byte.
void ExpectSameWhenKnown(const Texts& texts, DistinctElement (*element_of)(std::string_view)) {
  const Encoded expected = Encode(texts);
  for (size_t step : {1, 2}) {
    std::vector<DistinctElement> known(texts.size(), kNoElement);
    for (size_t i = 0; i < texts.size(); i += step) known[i] = element_of(texts[i]);
    const Encoded encoded = Encode(texts, known);
    EXPECT_EQ(encoded.encoding, expected.encoding);
    EXPECT_EQ(encoded.body, expected.body);
  }
}

Status Decode(const Encoded& encoded, size_t count, size_t begin, size_t end, Texts* texts) {
  std::vector<TextPlace> places(end - begin);
  std::string text = "before";
  Status status =
      DecodeTexts(static_cast<uint8_t>(encoded.encoding), encoded.body, count, begin, places, &text);
  texts->clear();
  if (!status.ok()) return status;
  for (const TextPlace& place : places) texts->push_back(text.substr(place.offset, place.size));
  return status;
}

// All texts and a few ranges of them; returns the encoding that was chosen.
TextEncoding ExpectRoundTrip(const Texts& texts) {
  Encoded encoded = Encode(texts);
  for (auto [begin, end] : std::vector<std::pair<size_t, size_t>>{{0, texts.size()},
                                                                  {texts.size() / 2, texts.size() / 2 + 1},
                                                                  {texts.size() / 3, texts.size()},
                                                                  {0, 1}}) {
    if (end > texts.size()) continue;
    Texts read;
    EXPECT_TRUE(Decode(encoded, texts.size(), begin, end, &read).ok());
    EXPECT_EQ(read, Texts(texts.begin() + static_cast<std::ptrdiff_t>(begin),
                          texts.begin() + static_cast<std::ptrdiff_t>(end)));
  }
  return encoded.encoding;
}

template <class Make>
Texts Generate(size_t count, Make make) {
  Texts texts(count);
  for (size_t i = 0; i < count; ++i) texts[i] = make(i);
  return texts;
}

std::string Hex(uint64_t value, int digits) {
  std::array<char, 32> text;
  int size =
      std::snprintf(text.data(), text.size(), "%0*llx", digits, static_cast<unsigned long long>(value));
  return std::string(text.data(), static_cast<size_t>(size));
}

std::string Uuid(uint64_t high, uint64_t low) {
  return Hex(high >> 32, 8) + '-' + Hex(high >> 16 & 0xFFFF, 4) + '-' + Hex(high & 0xFFFF, 4) + '-' +
         Hex(low >> 48, 4) + '-' + Hex(low & 0xFFFFFFFFFFFF, 12);
}

std::string RandomUuid4(std::mt19937_64& random) {
  return Uuid((random() & ~uint64_t{0xF000}) | 0x4000, random() >> 2 | uint64_t{1} << 63);
}

std::string Ipv4(uint64_t bits) {
  std::string text = std::to_string(bits & 0xFF);
  for (int i = 1; i < 4; ++i) text.append(1, '.').append(std::to_string(bits >> (8 * i) & 0xFF));
  return text;
}

std::string Numbered(std::string prefix, uint64_t number) { return prefix.append(std::to_string(number)); }

TEST(TextColumn, EqualTextsAreAConstant) {
  EXPECT_EQ(ExpectRoundTrip(Texts(3'000, "USA")), TextEncoding::kConstant);
  EXPECT_EQ(ExpectRoundTrip(Texts(7, "")), TextEncoding::kConstant);
  EXPECT_EQ(ExpectRoundTrip({"one"}), TextEncoding::kConstant);
  EXPECT_EQ(Encode(Texts(3'000, "USA")).body, "USA");
}

TEST(TextColumn, RandomUuidsTake122BitsEach) {
  std::mt19937_64 random(TestSeed());
  Texts texts = Generate(8'000, [&](size_t) { return RandomUuid4(random); });
  EXPECT_EQ(ExpectRoundTrip(texts), TextEncoding::kUuid);
  EXPECT_LT(Encode(texts).body.size(), 8'000 * 122 / 8 + 40);
}

TEST(TextColumn, UuidsOfMixedVersionsAndVariantsRoundTrip) {
  std::mt19937_64 random(TestSeed());
  EXPECT_EQ(ExpectRoundTrip(Generate(500, [&](size_t) { return Uuid(random(), random()); })),
            TextEncoding::kUuid);
  EXPECT_EQ(ExpectRoundTrip(Generate(500, [&](size_t) { return Uuid(random(), random() >> 2); })),
            TextEncoding::kUuid);
  EXPECT_EQ(ExpectRoundTrip({Uuid(0, 0), Uuid(~uint64_t{0}, ~uint64_t{0})}), TextEncoding::kUuid);
}

TEST(TextColumn, TimeOrderedUuidsTakeLess) {
  std::mt19937_64 random(TestSeed());
  Texts texts = Generate(4'000, [&](size_t i) {
    return Uuid((0x018bcfe56800 + i) << 16 | 0x7000 | random() % 0x1000, random() >> 2 | uint64_t{1} << 63);
  });
  EXPECT_EQ(ExpectRoundTrip(texts), TextEncoding::kUuid);
  EXPECT_LT(Encode(texts).body.size(), 4'000 * (24 + 62) / 8 + 40);
}

TEST(TextColumn, AddressesAreNumbers) {
  std::mt19937_64 random(TestSeed());
  EXPECT_EQ(ExpectRoundTrip(Generate(2'000, [&](size_t) { return Ipv4(random()); })), TextEncoding::kIpv4);
  Texts ipv6 = Generate(2'000, [&](size_t) { return "2001:db8::" + Hex(1 + random() % 0xFFFF, 1); });
  EXPECT_EQ(ExpectRoundTrip(ipv6), TextEncoding::kIpv6);
}

TEST(TextColumn, MixedAddressesAreSplitByFamily) {
  std::mt19937_64 random(TestSeed());
  Texts texts = Generate(3'000, [&](size_t i) {
    return i % 3 == 0 ? "2001:db8:" + Hex(1 + random() % 0xFFFF, 1) + "::" + Hex(1 + random() % 0xFFFF, 1)
                      : Ipv4(random());
  });
  EXPECT_EQ(ExpectRoundTrip(texts), TextEncoding::kSplit);
  EXPECT_LT(Encode(texts).body.size(), 3'000 / 8 + 2'000 * 4 + 1'000 * 16 + 100U);
}

TEST(TextColumn, APrefixWithANumberIsPacked) {
  std::mt19937_64 random(TestSeed());
  Texts users = Generate(4'000, [&](size_t) { return Numbered("u", random() % 1'000'000); });
  EXPECT_EQ(ExpectRoundTrip(users), TextEncoding::kNumber);
  EXPECT_LT(Encode(users).body.size(), 4'000 * 20 / 8 + 20);
  Texts padded = Generate(
      4'000, [&](size_t) { return "ad-" + std::to_string(100'000'000 + random() % 100'000'000).substr(1); });
  EXPECT_EQ(ExpectRoundTrip(padded), TextEncoding::kNumber);
  // A single number that begins with a zero, where no sample is taken.
  padded =
      Generate(4'000, [&](size_t) { return "ad-" + std::to_string(10'000'000 + random() % 90'000'000); });
  padded[1] = "ad-00000042";
  EXPECT_EQ(ExpectRoundTrip(padded), TextEncoding::kNumber);
  Texts longest =
      Generate(300, [&](size_t) { return std::to_string(9'000'000'000'000'000'000 + random() % 1'000'000); });
  EXPECT_EQ(ExpectRoundTrip(longest), TextEncoding::kNumber);
}

TEST(TextColumn, AFewMisfitsAreSplitOff) {
  std::mt19937_64 random(TestSeed());
  Texts texts = Generate(4'000, [&](size_t i) -> std::string {
    if (i % 100 == 7) return "guest";
    if (i % 100 == 8) return Numbered("u0", random() % 1'000'000);
    return Numbered("u", random() % 1'000'000);
  });
  EXPECT_EQ(ExpectRoundTrip(texts), TextEncoding::kSplit);
  EXPECT_LT(Encode(texts).body.size(), 4'000 * 21 / 8 + 80 * 8U);
}

TEST(TextColumn, KnownAddressesGiveTheSameBytes) {
  std::mt19937_64 random(TestSeed());
  ExpectSameWhenKnown(Generate(2'000, [&](size_t) { return Ipv4(random()); }), AddressElement);
  ExpectSameWhenKnown(Generate(2'000, [&](size_t i) { return i % 3 == 0 ? "2001:db8::1" : Ipv4(random()); }),
                      AddressElement);
  ExpectSameWhenKnown(Generate(2'000, [&](size_t i) { return i % 50 == 0 ? "" : Ipv4(random() % 90); }),
                      AddressElement);
}

// Else they would be read for nothing: an element that says something else than its text is believed.
TEST(TextColumn, KnownTextsAreNotRead) {
  std::mt19937_64 random(TestSeed());
  const Texts ips = Generate(500, [&](size_t) { return Ipv4(random()); });
  const Texts users = Generate(500, [&](size_t) { return Numbered("u", random() % 1'000'000); });
  for (const auto& [texts, other] : {std::pair(ips, "9.8.7.6"), std::pair(users, "u77")}) {
    std::vector<DistinctElement> known(texts.size(), kNoElement);
    known[400] = texts == ips ? AddressElement(other) : UserElement(other);
    Texts read;
    ASSERT_TRUE(Decode(Encode(texts, known), texts.size(), 400, 402, &read).ok());
    EXPECT_EQ(read, (Texts{other, texts[401]}));
  }
}

TEST(TextColumn, KnownUsersGiveTheSameBytes) {
  std::mt19937_64 random(TestSeed());
  auto users = [&](const std::string& prefix, uint64_t limit) {
    return Generate(3'000, [&](size_t) { return Numbered(prefix, random() % limit); });
  };
  for (const char* prefix : {"", "u", "user-", "seven-7", "exactly", "too-long-for-it-"}) {
    ExpectSameWhenKnown(users(prefix, 1'000'000), UserElement);
    ExpectSameWhenKnown(users(prefix, 1'000'000'000'000), UserElement);
    ExpectSameWhenKnown(users(prefix, 100), UserElement);
  }
  Texts padded = Generate(3'000, [&](size_t) { return "u" + std::to_string(10'000 + random() % 9'000); });
  for (size_t i = 0; i < padded.size(); i += 7) padded[i] = "u0" + padded[i].substr(2);
  ExpectSameWhenKnown(padded, UserElement);
  ExpectSameWhenKnown(
      Generate(3'000, [&](size_t i) { return Numbered(i % 20 == 0 ? "v" : "u", random() % 1'000'000); }),
      UserElement);
}

TEST(TextColumn, FewDistinctTextsAreADictionary) {
  std::mt19937_64 random(TestSeed());
  Texts texts =
      Generate(8'000, [&](size_t) { return "name of country " + Hex(random() % 200 * 7'919, 5) + "."; });
  EXPECT_EQ(ExpectRoundTrip(texts), TextEncoding::kDictionary);
  EXPECT_LT(Encode(texts).body.size(), 8'000 + 200 * 24U);
}

TEST(TextColumn, ADictionaryOfAddressesHoldsNumbers) {
  std::mt19937_64 random(TestSeed());
  std::vector<uint64_t> known(1'000);
  for (uint64_t& bits : known) bits = random();
  Texts texts = Generate(8'000, [&](size_t) { return Ipv4(known[random() % known.size()]); });
  EXPECT_EQ(ExpectRoundTrip(texts), TextEncoding::kDictionary);
  EXPECT_LT(Encode(texts).body.size(), 8'000 * 10 / 8 + 1'000 * 4 + 100U);
}

TEST(TextColumn, ShortTextsThatDifferInLengthOnlyStayApart) {
  Texts texts = Generate(400, [](size_t i) { return std::string(i % 12, '\0'); });
  EXPECT_EQ(ExpectRoundTrip(texts), TextEncoding::kDictionary);
  ExpectRoundTrip(Generate(400, [](size_t i) { return std::string(i % 5, 'a'); }));
}

TEST(TextColumn, OtherTextsArePlainAndCompressedWhereThatHelps) {
  std::mt19937_64 random(TestSeed());
  Texts noise = Generate(500, [&](size_t) {
    std::string text(random() % 30, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  });
  EXPECT_EQ(ExpectRoundTrip(noise), TextEncoding::kPlain);
  Texts urls = Generate(500, [&](size_t) {
    return "https://example.org/landing/page?q=" + Hex(random() % 100'000, 1) + "&x=y";
  });
  EXPECT_EQ(ExpectRoundTrip(urls), TextEncoding::kPlainLz4);
  EXPECT_LT(Encode(urls).body.size(), 500 * 20U);
}

TEST(TextColumn, TheLongestTextsRoundTrip) {
  std::string longest(kTextBytesMax, 'x');
  ExpectRoundTrip({longest, "", longest, "y" + longest.substr(1)});
  ExpectRoundTrip({longest});
}

TEST(TextColumn, UnknownEncodingsAndDamageAreCorruption) {
  Texts read;
  EXPECT_EQ(Decode({static_cast<TextEncoding>(0), "x"}, 1, 0, 1, &read).code(), Code::kCorruption);
  EXPECT_EQ(Decode({static_cast<TextEncoding>(kTextEncodingMax + 1), "x"}, 1, 0, 1, &read).code(),
            Code::kCorruption);
  // A dictionary with a code past its end: two texts, codes 0 and 2.
  std::string body("\x02\x02\x00\x00\x08", 5);
  body.append("\x07\x01\x00\x01\x05\x00\x02", 7);
  EXPECT_EQ(Decode({TextEncoding::kDictionary, body}, 2, 0, 2, &read).code(), Code::kCorruption);
  body[4] = 0x04;
  ASSERT_TRUE(Decode({TextEncoding::kDictionary, body}, 2, 0, 2, &read).ok());
  EXPECT_EQ(read, (Texts{"5", "6"}));
}

TEST(TextColumn, NestingIsBounded) {
  // Splits inside splits: the first text of each is a constant, the second is again a split.
  Encoded nested{TextEncoding::kConstant, "end"};
  for (int depth = 0; depth < 20; ++depth) {
    std::string body(
        "\x02\x01\x01\x02\x01"
        "a",
        6);  // members {1}; first run: constant "a"
    body.push_back(static_cast<char>(nested.encoding));
    body += nested.body;
    nested = {TextEncoding::kSplit, body};
    Texts read;
    Status status = Decode(nested, 2, 0, 2, &read);
    if (depth == 0) {
      ASSERT_TRUE(status.ok());
      EXPECT_EQ(read, (Texts{"a", "end"}));
    } else {
      EXPECT_EQ(status.code(), Code::kCorruption);
    }
  }
}

TEST(TextColumn, ALengthNoCompressionReachesIsRefusedBeforeMemoryIsTaken) {
  // 60,000 texts of 65,534 bytes in a few bytes of LZ4.
  std::string body("\x00\xfe\xff\x03\x00", 5);
  body += "tiny";
  Texts read;
  EXPECT_EQ(Decode({TextEncoding::kPlainLz4, body}, 60'000, 0, 1, &read).code(), Code::kCorruption);
}

}  // namespace
}  // namespace tallymark
