#include "format/top_chunk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>

#include "format/checksum.h"
#include "format/coding.h"
#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr uint32_t kAdMax = std::numeric_limits<uint32_t>::max();

std::string Encode(const std::vector<TopPair>& pairs) {
  std::string out;
  EncodeTopChunk(pairs, &out);
  return out;
}

void ExpectHolds(const std::string& bytes, const std::vector<TopPair>& expected) {
  std::vector<TopPair> pairs = {{.ad = 9, .amount = 9}};
  ASSERT_TRUE(DecodeTopChunk(bytes, &pairs).ok());
  ASSERT_EQ(pairs.size(), expected.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_EQ(pairs[i].ad, expected[i].ad);
    EXPECT_EQ(pairs[i].amount, expected[i].amount);
  }
}

TEST(TopChunkTest, GoldenChunksReadAndWriteAsTheyDid) {
  const std::map<std::string, std::vector<TopPair>> cases = {
      {"single_clicks", {{.ad = 0, .amount = 1}, {.ad = 63, .amount = 1}, {.ad = 130, .amount = 1}}},
      {"dense",
       {{.ad = 10, .amount = 5},
        {.ad = 11, .amount = 7},
        {.ad = 13, .amount = 300},
        {.ad = 14, .amount = 1}}},
      {"revenue",
       {{.ad = 5, .amount = -1'000'000}, {.ad = 300, .amount = 12'340'000}, {.ad = 301, .amount = 0}}},
      {"ends", {{.ad = 0, .amount = kMin}, {.ad = kAdMax, .amount = kMax}}},
  };
  auto golden = ReadGolden("top_chunk_v1.txt");
  ASSERT_EQ(golden.size(), cases.size());
  for (const auto& [name, pairs] : cases) {
    SCOPED_TRACE(name);
    EXPECT_EQ(ToHex(Encode(pairs)), ToHex(golden[name]));
    ExpectHolds(golden[name], pairs);
  }
}

// Ads dense or thin, amounts small or large, with or without a sign.
std::vector<TopPair> RandomPairs(std::mt19937_64& random) {
  size_t count = 1 + random() % (random() % 4 == 0 ? kTopChunkPairsMax : 40);
  uint64_t gap_bits = random() % 14;
  uint64_t amount_bits = 1 + random() % 63;
  bool has_sign = random() % 4 == 0;
  std::vector<TopPair> pairs;
  uint64_t ad = random() % 1'000;
  for (size_t i = 0; i < count; ++i) {
    auto amount = static_cast<int64_t>(random() >> (64 - amount_bits) >> (random() % amount_bits));
    if (has_sign && random() % 2 == 0) amount = -amount;
    if (!has_sign) amount = std::max<int64_t>(amount, 1);
    pairs.push_back({.ad = static_cast<uint32_t>(ad), .amount = amount});
    ad += 1 + (random() & ((uint64_t{1} << gap_bits) - 1));
  }
  return pairs;
}

TEST(TopChunkTest, RandomChunksRoundTrip) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 300; ++round) {
    std::vector<TopPair> pairs = RandomPairs(random);
    ExpectHolds(Encode(pairs), pairs);
  }
}

TEST(TopChunkTest, ChunksOfABucketAddUp) {
  std::mt19937_64 random(TestSeed());
  std::vector<int64_t> totals(200'000);
  std::vector<int64_t> expected(200'000);
  for (int round = 0; round < 50; ++round) {
    std::vector<TopPair> pairs = RandomPairs(random);
    for (TopPair& pair : pairs) pair.amount %= 1'000'000;
    std::erase_if(pairs, [](const TopPair& pair) { return pair.ad >= 200'000; });
    if (pairs.empty()) continue;
    for (const TopPair& pair : pairs) expected[pair.ad] += pair.amount;
    ASSERT_TRUE(AddTopChunk(Encode(pairs), totals).ok());
  }
  EXPECT_EQ(totals, expected);
}

TEST(TopChunkTest, SingleClicksOfNearAdsTakeAByteEach) {
  std::vector<TopPair> pairs;
  for (uint32_t i = 0; i < 10'000; ++i) pairs.push_back({.ad = i * 5, .amount = 1});
  EXPECT_LE(Encode(pairs).size(), 10'010U);
}

TEST(TopChunkTest, AdsBeyondTheTotalsAreCorruptionAndNothingIsWrittenThere) {
  std::vector<int64_t> totals(11);
  std::string bytes = Encode({{.ad = 3, .amount = 1}, {.ad = 10, .amount = 1}});
  EXPECT_EQ(AddTopChunk(bytes, std::span(totals).first(10)).code(), Code::kCorruption);
  EXPECT_EQ(totals[10], 0);
  EXPECT_TRUE(AddTopChunk(bytes, totals).ok());
  EXPECT_EQ(AddTopChunk(bytes, {}).code(), Code::kCorruption);
}

TEST(TopChunkTest, ATotalOver64BitsIsAnError) {
  std::vector<int64_t> totals = {kMax - 1};
  std::string bytes = Encode({{.ad = 0, .amount = 1}});
  EXPECT_TRUE(AddTopChunk(bytes, totals).ok());
  EXPECT_EQ(AddTopChunk(bytes, totals).code(), Code::kExhausted);
  totals = {kMin};
  EXPECT_EQ(AddTopChunk(Encode({{.ad = 0, .amount = -1}}), totals).code(), Code::kExhausted);
}

// ---- damage ----

void ExpectCorrupt(const std::string& bytes) {
  std::vector<TopPair> pairs;
  EXPECT_EQ(DecodeTopChunk(bytes, &pairs).code(), Code::kCorruption);
  std::vector<int64_t> totals(1'000);
  EXPECT_EQ(AddTopChunk(bytes, totals).code(), Code::kCorruption);
}

TEST(TopChunkTest, EveryCutAndEveryFlippedBitIsCorruption) {
  std::vector<TopPair> pairs;
  for (uint32_t ad = 0; ad < 60; ++ad) pairs.push_back({.ad = ad * ad / 10 + ad, .amount = 1 + ad % 9});
  std::string bytes = Encode(pairs);
  for (size_t size = 0; size < bytes.size(); ++size) ExpectCorrupt(bytes.substr(0, size));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    ExpectCorrupt(flipped);
  }
}

// A chunk of the given header and pair bytes with a checksum that fits.
std::string Sealed(const std::string& hex) {
  std::string bytes = FromHex(hex);
  PutFixed(&bytes, Checksum32(bytes));
  return bytes;
}

TEST(TopChunkTest, StructureIsCheckedUnderAnyChecksum) {
  ExpectHolds(Sealed("0101010003"), {{.ad = 1, .amount = 1}});
  ExpectCorrupt(Sealed("0201010003"));                                // version
  ExpectCorrupt(Sealed("0107010003"));                                // inline bits
  ExpectCorrupt(Sealed("0109010003"));                                // unknown flag
  ExpectCorrupt(Sealed("01010000"));                                  // no pairs
  ExpectCorrupt(Sealed("0101014003"));                                // too many pairs
  ExpectCorrupt(Sealed("01010100"));                                  // pair missing
  ExpectCorrupt(Sealed("010101000303"));                              // a byte left over
  ExpectCorrupt(Sealed("0101020003"));                                // second pair missing
  ExpectCorrupt(Sealed("0101010083"));                                // varint cut
  ExpectCorrupt(Sealed("0101010002"));                                // amount missing
  ExpectCorrupt(Sealed("01010100ffffffffffffffffff03"));              // varint over 64 bits
  ExpectCorrupt(Sealed("01010100818080804000"));                      // ad over 32 bits
  ExpectCorrupt(Sealed("0101010002" + std::string(20, 'f') + "01"));  // amount over 64 bits
  ExpectCorrupt(Sealed("01010100" + std::string(100, '3')));          // far more bytes than pairs
}

TEST(TopChunkDeathTest, UnsortedChunksAreNeverWritten) {
  EXPECT_DEATH(Encode({}), "");
  EXPECT_DEATH(Encode({{.ad = 2, .amount = 1}, {.ad = 1, .amount = 1}}), "");
  EXPECT_DEATH(Encode({{.ad = 2, .amount = 1}, {.ad = 2, .amount = 1}}), "");
  EXPECT_DEATH(Encode(std::vector<TopPair>(kTopChunkPairsMax + 1)), "");
}

TEST(TopChunkTest, AFullChunkRoundTrips) {
  std::vector<TopPair> pairs;
  for (uint32_t ad = 0; ad < kTopChunkPairsMax; ++ad) pairs.push_back({.ad = ad, .amount = ad + 1});
  ExpectHolds(Encode(pairs), pairs);
}

}  // namespace
}  // namespace tallymark
