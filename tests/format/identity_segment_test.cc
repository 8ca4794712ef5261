#include "format/identity_segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "format/checksum.h"
#include "format/coding.h"
#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {

void PrintTo(const IdentityPlace& place, std::ostream* out) {
  *out << "{hour " << place.hour << ", ad " << place.ad << ", sequence " << place.sequence << ", check "
       << place.content_check << "}";
}

namespace {

constexpr int32_t kDay = 18'628;

std::string Encode(int bucket_bits, int32_t day, const std::vector<IdentityEntry>& entries) {
  std::string out;
  EncodeIdentityBucket(bucket_bits, day, entries, &out);
  return out;
}

std::vector<IdentityEntry> GoldenEntries() {
  auto hour = [](int h) { return kDay * 24 + h; };
  return {
      {.id = {.hi = 0xBEE0000000000001, .lo = 0x0102030405060708},
       .place = {.hour = hour(0), .ad = 5, .sequence = 1000, .content_check = 0xABCD}},
      {.id = {.hi = 0xBEEFFFFFFFFFFFFF, .lo = 0},
       .place = {.hour = hour(23), .ad = 1000, .sequence = 1003, .content_check = 1}},
      {.id = {.hi = 0xBEEFFFFFFFFFFFFF, .lo = 0},
       .place = {.hour = hour(12), .ad = 0, .sequence = 1001, .content_check = 2}},
  };
}

void ExpectGolden(const std::string& bytes, int bucket_bits, int32_t day, uint32_t bucket,
                  const std::vector<IdentityEntry>& expected) {
  EXPECT_EQ(ToHex(Encode(bucket_bits, day, expected)), ToHex(bytes));
  std::vector<IdentityEntry> entries;
  ASSERT_TRUE(DecodeIdentityBucket(bytes, bucket_bits, day, bucket, &entries).ok());
  ASSERT_EQ(entries.size(), expected.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(entries[i].id, expected[i].id);
    EXPECT_EQ(entries[i].place, expected[i].place);
  }
}

TEST(IdentitySegmentTest, GoldenBucketsReadAndWriteAsTheyDid) {
  auto golden = ReadGolden("identity_bucket_v1.txt");
  ASSERT_EQ(golden.size(), 3U);
  ExpectGolden(golden["three_of_12_bits"], 12, kDay, 0xBEE, GoldenEntries());
  ExpectGolden(golden["empty"], 24, kDay, 7, {});
  ExpectGolden(
      golden["one_before_1970"], 0, -1, 0,
      {{.id = {.hi = 1, .lo = 2}, .place = {.hour = -1, .ad = 0, .sequence = 9, .content_check = 3}}});
}

TEST(IdentitySegmentTest, AbsentIdsAreNotFound) {
  std::string bytes = Encode(12, kDay, GoldenEntries());
  std::vector<IdentityPlace> found;
  for (Hash128 id :
       {Hash128{.hi = 0xBEE0000000000001, .lo = 0}, Hash128{.hi = 0xBEE0000000000000, .lo = 0},
        Hash128{.hi = 0xBEEFFFFFFFFFFFFF, .lo = 1}, Hash128{.hi = 0xBEE8000000000000, .lo = 0}}) {
    ASSERT_TRUE(FindIdentity(bytes, 12, kDay, id, &found).ok());
  }
  EXPECT_THAT(found, testing::IsEmpty());
}

TEST(IdentitySegmentTest, EqualIdsAreAllFound) {
  std::string bytes = Encode(12, kDay, GoldenEntries());
  std::vector<IdentityPlace> found;
  ASSERT_TRUE(FindIdentity(bytes, 12, kDay, {.hi = 0xBEEFFFFFFFFFFFFF, .lo = 0}, &found).ok());
  EXPECT_THAT(found, testing::ElementsAre(GoldenEntries()[1].place, GoldenEntries()[2].place));
}

TEST(IdentitySegmentTest, AnEmptyBucketHoldsNothing) {
  std::string bytes = Encode(16, kDay, {});
  std::vector<IdentityPlace> found;
  ASSERT_TRUE(FindIdentity(bytes, 16, kDay, {.hi = 5, .lo = 5}, &found).ok());
  EXPECT_THAT(found, testing::IsEmpty());
}

TEST(IdentitySegmentTest, BucketsHoldAbout192EntriesOrHalfAsMany) {
  EXPECT_EQ(ChooseBucketBits(0), 0);
  EXPECT_EQ(ChooseBucketBits(192), 0);
  EXPECT_EQ(ChooseBucketBits(16'000'000), 16);
  EXPECT_EQ(ChooseBucketBits(8'000'000), 16) << "15 would store a byte more of each hash";
  EXPECT_EQ(ChooseBucketBits(4'000'000), 14);
  EXPECT_EQ(ChooseBucketBits(uint64_t{1} << 60), kIdentityBucketBitsMax);
  for (uint64_t entries = 1'000; entries < 3'000'000'000; entries = entries * 5 / 4) {
    uint64_t per_bucket = entries >> ChooseBucketBits(entries);
    EXPECT_GE(per_bucket, 65U) << entries;
    EXPECT_LE(per_bucket, 275U) << entries;
  }
}

TEST(IdentitySegmentTest, TheTopBitsNameTheBucket) {
  Hash128 id{.hi = 0xFEDCBA9876543210, .lo = 0};
  EXPECT_EQ(BucketOf(id, 0), 0U);
  EXPECT_EQ(BucketOf(id, 1), 1U);
  EXPECT_EQ(BucketOf(id, 16), 0xFEDCU);
  EXPECT_EQ(BucketOf(id, 24), 0xFEDCBAU);
}

// Random entries of one bucket. `few_hashes`: many share their first bytes, or are equal.
std::vector<IdentityEntry> RandomEntries(std::mt19937_64& random, int bucket_bits, int32_t day,
                                         uint32_t bucket, size_t count, bool few_hashes) {
  uint64_t top = bucket_bits == 0 ? 0 : uint64_t{bucket} << (64 - bucket_bits);
  uint64_t low_mask = bucket_bits == 0 ? ~uint64_t{0} : (uint64_t{1} << (64 - bucket_bits)) - 1;
  unsigned ad_bits = random() % 33;
  unsigned sequence_bits = random() % 65;
  uint64_t sequence_base = sequence_bits >= 63 ? 0 : random() >> (sequence_bits + 1);
  std::vector<IdentityEntry> entries(count);
  for (IdentityEntry& entry : entries) {
    entry.id = {.hi = top | (random() & low_mask), .lo = random()};
    if (few_hashes) entry.id = {.hi = top | (random() % 3 & low_mask), .lo = random() % 5};
    uint64_t offset = sequence_bits == 0 ? 0 : random() >> (64 - sequence_bits);
    entry.place = {.hour = day * 24 + static_cast<int32_t>(random() % 24),
                   .ad = ad_bits == 0 ? 0 : static_cast<uint32_t>(random() >> (64 - ad_bits)),
                   .sequence = sequence_base + offset,
                   .content_check = static_cast<uint16_t>(random())};
  }
  std::ranges::stable_sort(entries, {}, &IdentityEntry::id);
  return entries;
}

TEST(IdentitySegmentTest, RandomBucketsRoundTripAndEveryIdIsFound) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 400; ++round) {
    int bucket_bits = static_cast<int>(random() % (kIdentityBucketBitsMax + 1));
    auto day = static_cast<int32_t>(random() % 200'000) - 100'000;
    auto bucket = static_cast<uint32_t>(random() & ((uint64_t{1} << bucket_bits) - 1));
    auto expected = RandomEntries(random, bucket_bits, day, bucket, random() % 300, random() % 4 == 0);
    std::string bytes = Encode(bucket_bits, day, expected);
    ExpectGolden(bytes, bucket_bits, day, bucket, expected);
    for (const IdentityEntry& wanted : expected) {
      std::vector<IdentityPlace> places;
      for (const IdentityEntry& entry : expected) {
        if (entry.id == wanted.id) places.push_back(entry.place);
      }
      std::vector<IdentityPlace> found;
      ASSERT_TRUE(FindIdentity(bytes, bucket_bits, day, wanted.id, &found).ok());
      ASSERT_EQ(found, places);
    }
  }
}

TEST(IdentitySegmentTest, AnEntryOfALargeSegmentTakesAtMost21Bytes) {
  std::mt19937_64 random(TestSeed());
  std::vector<IdentityEntry> entries(192);
  for (IdentityEntry& entry : entries) {
    entry.id = {.hi = uint64_t{0xBEEF} << 48 | random() >> 16, .lo = random()};
    entry.place = {.hour = kDay * 24 + 5,
                   .ad = static_cast<uint32_t>(random() % (1 << 20)),
                   .sequence = 1'000'000 + random() % (1 << 12),
                   .content_check = 7};
  }
  std::ranges::sort(entries, {}, &IdentityEntry::id);
  EXPECT_LE(Encode(16, kDay, entries).size(), 192U * 21);
}

// ---- damage ----

Status Decode(const std::string& bytes, int bucket_bits = 12, uint32_t bucket = 0xBEE) {
  std::vector<IdentityEntry> entries;
  return DecodeIdentityBucket(bytes, bucket_bits, kDay, bucket, &entries);
}

Status Find(const std::string& bytes, int bucket_bits = 12) {
  std::vector<IdentityPlace> found;
  return FindIdentity(bytes, bucket_bits, kDay, GoldenEntries()[0].id, &found);
}

// The bytes after `change`, with a checksum that fits: what lies behind the checksum must hold too.
template <class Change>
std::string Damaged(std::string bytes, Change change) {
  bytes.resize(bytes.size() - 4);
  change(bytes);
  PutFixed(&bytes, Checksum32(bytes));
  return bytes;
}

TEST(IdentitySegmentTest, EveryCutAndEveryFlippedBitIsCorruption) {
  std::string bytes = Encode(12, kDay, GoldenEntries());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(Decode(bytes.substr(0, size)).code(), Code::kCorruption);
    EXPECT_EQ(Find(bytes.substr(0, size)).code(), Code::kCorruption);
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    EXPECT_EQ(Decode(flipped).code(), Code::kCorruption);
    EXPECT_EQ(Find(flipped).code(), Code::kCorruption);
  }
}

TEST(IdentitySegmentTest, HeadersThatDoNotFitAreCorruptionUnderAnyChecksum) {
  std::string bytes = Encode(12, kDay, GoldenEntries());
  auto with_byte = [&](size_t at, int value) {
    return Damaged(bytes, [=](std::string& b) { b[at] = static_cast<char>(value); });
  };
  EXPECT_EQ(Decode(Damaged(bytes, [](std::string&) {})).code(), Code::kOk);
  for (const std::string& bad :
       {with_byte(0, 2), with_byte(1, 13), with_byte(2, 33), with_byte(3, 65), with_byte(4, 2),
        with_byte(4, 4), with_byte(7, 255), Damaged(bytes, [](std::string& b) { b.push_back(0); })}) {
    EXPECT_EQ(Decode(bad).code(), Code::kCorruption);
    EXPECT_EQ(Find(bad).code(), Code::kCorruption);
  }
}

TEST(IdentitySegmentTest, ABucketReadAsAnotherIsCorruption) {
  std::string bytes = Encode(12, kDay, GoldenEntries());
  EXPECT_EQ(Decode(bytes, 11, 0x5F7).code(), Code::kCorruption);
  EXPECT_EQ(Decode(bytes, 12, 0xBE1).code(), Code::kCorruption);
  EXPECT_EQ(Decode(bytes, 12, 0x1000).code(), Code::kCorruption);
  EXPECT_EQ(Decode(bytes, 25, 0).code(), Code::kCorruption);
  EXPECT_EQ(Find(bytes, 13).code(), Code::kCorruption);
  EXPECT_EQ(Find(bytes, -1).code(), Code::kCorruption);
}

TEST(IdentitySegmentTest, UnsortedEntriesAreCorruption) {
  std::string bytes = Damaged(Encode(12, kDay, GoldenEntries()), [](std::string& b) {
    std::swap_ranges(b.begin() + 16, b.begin() + 31, b.begin() + 31);  // two hashes of 15 bytes
  });
  EXPECT_EQ(Decode(bytes).code(), Code::kCorruption);
}

TEST(IdentitySegmentDeathTest, UnsortedOrForeignEntriesAreNeverWritten) {
  auto entries = GoldenEntries();
  std::swap(entries[0], entries[1]);
  EXPECT_DEATH(Encode(12, kDay, entries), "");
  EXPECT_DEATH(Encode(12, kDay + 1, GoldenEntries()), "");
  EXPECT_DEATH(Encode(13, kDay, GoldenEntries()), "");
}

}  // namespace
}  // namespace tallymark
