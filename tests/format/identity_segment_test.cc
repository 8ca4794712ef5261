#include "format/identity_segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <random>

#include "tests/format/golden.h"
#include "tests/format/identity_segment_entries.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

// Twenty entries of one hour, most of them of ads with small numbers.
std::vector<IdentityEntry> SkewedEntries() {
  std::vector<IdentityEntry> entries;
  for (uint32_t i = 0; i < 20; ++i) {
    const uint64_t spread = uint64_t{i * 0x0C3F} << 36;
    entries.push_back({.id = {.hi = uint64_t{0xABC} << 52 | spread, .lo = i},
                       .place = {.hour = kGoldenDay * 24 + 7,
                                 .ad = i == 13  ? 1'000'000
                                       : i == 4 ? 700
                                                : i % 5,
                                 .sequence = 5'000'000'000ULL + i * 3 % 8,
                                 .content_check = static_cast<uint16_t>(i)}});
  }
  return entries;
}

void ExpectGolden(const std::string& bytes, int bucket_bits, int32_t day, uint32_t bucket,
                  const std::vector<IdentityEntry>& entries) {
  EXPECT_EQ(ToHex(EncodeEntries(bucket_bits, day, entries)), ToHex(bytes));
  ExpectHolds(bytes, bucket_bits, day, bucket, entries);
}

TEST(IdentitySegmentTest, GoldenBucketsReadAndWriteAsTheyDid) {
  auto golden = ReadGolden("identity_bucket_v2.txt");
  ASSERT_EQ(golden.size(), 4U);
  ExpectGolden(golden["three_of_12_bits"], kGoldenBits, kGoldenDay, kGoldenBucket, GoldenEntries());
  ExpectGolden(golden["empty"], 24, kGoldenDay, 7, {});
  ExpectGolden(golden["one_before_1970"], 0, -1, 0, EntryBefore1970());
  ExpectGolden(golden["one_hour_skewed_ads"], 12, kGoldenDay, 0xABC, SkewedEntries());
}

TEST(IdentitySegmentTest, AbsentIdsAreNotFound) {
  std::string bytes = EncodeEntries(12, kGoldenDay, GoldenEntries());
  std::vector<IdentityPlace> found;
  for (Hash128 id :
       {Hash128{.hi = 0xBEE0000000000001, .lo = 0}, Hash128{.hi = 0xBEE0000000000000, .lo = 0},
        Hash128{.hi = 0xBEEFFFFFFFFFFFFF, .lo = 1}, Hash128{.hi = 0xBEE8000000000000, .lo = 0}}) {
    ASSERT_TRUE(FindIdentity(bytes, 12, kGoldenDay, id, &found).ok());
  }
  EXPECT_THAT(found, testing::IsEmpty());
}

TEST(IdentitySegmentTest, EqualIdsAreAllFound) {
  std::string bytes = EncodeEntries(12, kGoldenDay, GoldenEntries());
  std::vector<IdentityPlace> found;
  ASSERT_TRUE(FindIdentity(bytes, 12, kGoldenDay, {.hi = 0xBEEFFFFFFFFFFFFF, .lo = 0}, &found).ok());
  EXPECT_THAT(found, testing::ElementsAre(GoldenEntries()[1].place, GoldenEntries()[2].place));
}

TEST(IdentitySegmentTest, AnEmptyBucketHoldsNothing) {
  std::string bytes = EncodeEntries(16, kGoldenDay, {});
  std::vector<IdentityPlace> found;
  ASSERT_TRUE(FindIdentity(bytes, 16, kGoldenDay, {.hi = 5, .lo = 5}, &found).ok());
  EXPECT_THAT(found, testing::IsEmpty());
}

TEST(IdentitySegmentTest, BucketsHoldAbout256Entries) {
  EXPECT_EQ(ChooseBucketBits(0), 0);
  EXPECT_EQ(ChooseBucketBits(256), 0);
  EXPECT_EQ(ChooseBucketBits(8'000'000), 15);
  EXPECT_EQ(ChooseBucketBits(uint64_t{1} << 60), kIdentityBucketBitsMax);
  for (uint64_t entries = 1'000; entries < 4'000'000'000; entries = entries * 5 / 4) {
    uint64_t per_bucket = entries >> ChooseBucketBits(entries);
    EXPECT_GE(per_bucket, 181U) << entries;
    EXPECT_LE(per_bucket, 362U) << entries;
  }
}

TEST(IdentitySegmentTest, TheTopBitsNameTheBucket) {
  Hash128 id{.hi = 0xFEDCBA9876543210, .lo = 0};
  EXPECT_EQ(BucketOf(id, 0), 0U);
  EXPECT_EQ(BucketOf(id, 1), 1U);
  EXPECT_EQ(BucketOf(id, 16), 0xFEDCU);
  EXPECT_EQ(BucketOf(id, 24), 0xFEDCBAU);
}

// ---- buckets of all kinds ----

struct Kind {
  int bits = 0;
  int32_t day = 0;
  uint32_t bucket = 0;
  size_t count = 0;
  bool few_hashes = false;  // many are equal, or share their first bytes
  bool one_hour = false;
  bool skewed_ads = false;
};

Kind RandomKind(std::mt19937_64& random) {
  Kind kind;
  kind.bits = static_cast<int>(random() % (kIdentityBucketBitsMax + 1));
  kind.day = static_cast<int32_t>(random() % 200'000) - 100'000;
  kind.bucket = static_cast<uint32_t>(random() & ((uint64_t{1} << kind.bits) - 1));
  kind.count = random() % (random() % 2 == 0 ? 10 : 400);
  kind.few_hashes = random() % 4 == 0;
  kind.one_hour = random() % 2 == 0;
  kind.skewed_ads = random() % 2 == 0;
  return kind;
}

std::vector<IdentityEntry> RandomEntries(std::mt19937_64& random, const Kind& kind) {
  uint64_t top = kind.bits == 0 ? 0 : uint64_t{kind.bucket} << (64 - kind.bits);
  uint64_t low_mask = kind.bits == 0 ? ~uint64_t{0} : (uint64_t{1} << (64 - kind.bits)) - 1;
  unsigned ad_bits = random() % 33;
  unsigned sequence_bits = random() % 65;
  uint64_t sequence_base = sequence_bits >= 63 ? 0 : random() >> (sequence_bits + 1);
  std::vector<IdentityEntry> entries(kind.count);
  for (IdentityEntry& entry : entries) {
    entry.id = {.hi = top | (random() & low_mask), .lo = random()};
    if (kind.few_hashes) entry.id = {.hi = top | (random() % 3 & low_mask), .lo = random() % 5};
    uint64_t offset = sequence_bits == 0 ? 0 : random() >> (64 - sequence_bits);
    auto ad = ad_bits == 0 ? 0 : static_cast<uint32_t>(random() >> (64 - ad_bits));
    entry.place = {.hour = kind.day * 24 + (kind.one_hour ? 17 : static_cast<int32_t>(random() % 24)),
                   .ad = kind.skewed_ads ? ad >> random() % 32 : ad,
                   .sequence = sequence_base + offset,
                   .content_check = static_cast<uint16_t>(random())};
  }
  std::ranges::stable_sort(entries, {}, &IdentityEntry::id);
  return entries;
}

// What version 1 took.
size_t FormerSize(int bucket_bits, const std::vector<IdentityEntry>& entries) {
  uint32_t ad = 0;
  uint64_t least = std::numeric_limits<uint64_t>::max();
  uint64_t greatest = 0;
  for (const IdentityEntry& entry : entries) {
    ad = std::max(ad, entry.place.ad);
    least = std::min(least, entry.place.sequence);
    greatest = std::max(greatest, entry.place.sequence);
  }
  if (entries.empty()) return 20;
  auto place_bits = static_cast<size_t>(5 + std::bit_width(ad) + std::bit_width(greatest - least));
  return 20 + entries.size() * (18 - static_cast<size_t>(bucket_bits / 8)) +
         (entries.size() * place_bits + 7) / 8;
}

TEST(IdentitySegmentTest, RandomBucketsRoundTripAndEveryIdIsFound) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 800; ++round) {
    const Kind kind = RandomKind(random);
    auto entries = RandomEntries(random, kind);
    std::string bytes = EncodeEntries(kind.bits, kind.day, entries);
    ASSERT_NO_FATAL_FAILURE(ExpectHolds(bytes, kind.bits, kind.day, kind.bucket, entries));
    // A few entries may get as many slots as fill a byte of the hash.
    EXPECT_LE(bytes.size(), FormerSize(kind.bits, entries) + 20) << kind.bits << " " << kind.count;
    for (const IdentityEntry& entry : entries) {
      std::vector<IdentityPlace> found;
      const Hash128 near{.hi = entry.id.hi, .lo = entry.id.lo ^ 1ULL << 63};
      ASSERT_TRUE(FindIdentity(bytes, kind.bits, kind.day, near, &found).ok());
      ASSERT_THAT(found, testing::IsEmpty());
    }
  }
}

TEST(IdentitySegmentTest, ALargeBucketRoundTrips) {
  std::mt19937_64 random(TestSeed());
  for (int bits : {0, 7, 24}) {
    const Kind kind{.bits = bits, .day = 3, .bucket = 0, .count = 9'000, .skewed_ads = true};
    auto entries = RandomEntries(random, kind);
    std::string bytes = EncodeEntries(bits, 3, entries);
    ASSERT_NO_FATAL_FAILURE(ExpectHolds(bytes, bits, 3, 0, entries));
    EXPECT_LT(bytes.size(), FormerSize(bits, entries));
  }
}

// 8M entries of one hour, ads as popular as ads are.
TEST(IdentitySegmentTest, AnEntryOfALargeSegmentTakesAtMost19Bytes) {
  std::mt19937_64 random(TestSeed());
  std::vector<IdentityEntry> entries(244);
  for (IdentityEntry& entry : entries) {
    entry.id = {.hi = uint64_t{0x5EEF} << 49 | random() >> 15, .lo = random()};
    entry.place = {.hour = kGoldenDay * 24 + 5,
                   .ad = static_cast<uint32_t>((random() % (1 << 20)) >> random() % 20),
                   .sequence = 1'000'000 + random() % (1 << 13),
                   .content_check = 7};
  }
  std::ranges::sort(entries, {}, &IdentityEntry::id);
  EXPECT_LE(EncodeEntries(15, kGoldenDay, entries).size(), 244U * 19);
}

// ---- damage ----

std::string GoldenBytes() { return EncodeEntries(kGoldenBits, kGoldenDay, GoldenEntries()); }

// Where the columns of GoldenBytes begin.
constexpr size_t kSlotsAt = 9;
constexpr size_t kRemaindersAt = kSlotsAt + 3;
constexpr size_t kHoursAt = kRemaindersAt + 3 * 14 + 3 * 2;

void ExpectCorruption(const std::string& bytes) {
  EXPECT_EQ(DecodeGolden(bytes), Code::kCorruption);
  EXPECT_EQ(FindGolden(bytes), Code::kCorruption);
}

TEST(IdentitySegmentTest, EveryCutAndEveryFlippedBitIsCorruption) {
  ExpectEveryCutAndFlippedBitIsCorruption(GoldenBytes());
}

TEST(IdentitySegmentTest, EveryCutIsCorruptionUnderAnyChecksum) {
  const std::string bytes = GoldenBytes();
  for (size_t left = 0; left < bytes.size() - 4; ++left)
    ExpectCorruption(Damaged(bytes, [=](std::string& b) { b.resize(left); }));
  ExpectCorruption(Damaged(bytes, [](std::string& b) { b.push_back(0); }));
}

TEST(IdentitySegmentTest, HeadersThatDoNotFitAreCorruptionUnderAnyChecksum) {
  const std::string bytes = GoldenBytes();
  EXPECT_EQ(DecodeGolden(Damaged(bytes, [](std::string&) {})), Code::kOk);
  for (int version : {0, 1, 3, 255}) ExpectCorruption(WithByte(bytes, 0, version));
  ExpectCorruption(WithByte(bytes, 1, 13));
  for (int slot_bits : {0, 3, 5, 12, 20, 255}) ExpectCorruption(WithByte(bytes, 2, slot_bits));
  for (int hour : {0, 23, 24, 254}) ExpectCorruption(WithByte(bytes, 3, hour));
  for (int ads : {8, 11, 33, 127, 128, 137, 255}) ExpectCorruption(WithByte(bytes, 4, ads));
  EXPECT_EQ(DecodeGolden(WithByte(bytes, 4, 129)), Code::kCorruption);
  for (int sequence_bits : {3, 65, 255}) ExpectCorruption(WithByte(bytes, 5, sequence_bits));
  for (int count : {0, 1, 2, 4, 127, 0x83}) ExpectCorruption(WithByte(bytes, 6, count));
  const std::string_view many = "\xff\xff\xff\xff\x0f";
  ExpectCorruption(Damaged(bytes, [&](std::string& b) { b.replace(6, 1, many); }));
  ExpectCorruption(Damaged(bytes, [](std::string& b) { b.replace(6, 1, std::string("\x83\x00", 2)); }));
}

TEST(IdentitySegmentTest, SlotsThatDoNotFitTheEntriesAreCorruption) {
  const std::string bytes = GoldenBytes();
  auto with_slots = [&](std::string_view slots) {
    return Damaged(bytes, [=](std::string& b) { b.replace(kSlotsAt, 3, slots); });
  };
  EXPECT_EQ(DecodeGolden(with_slots(std::string_view("\x01\x00\x03", 3))), Code::kOk);
  for (std::string_view slots : {std::string_view("\x00\x00\x03", 3), std::string_view("\x01\x00\x07", 3),
                                 std::string_view("\x01\x00\x06", 3), std::string_view("\x01\x01\x03", 3)})
    EXPECT_EQ(DecodeGolden(with_slots(slots)), Code::kCorruption);
  ExpectCorruption(with_slots("\xff\xff\xff"));
  EXPECT_EQ(DecodeGolden(with_slots(std::string_view("\x01\x00\xfb", 3))), Code::kOk)
      << "padding is not looked at";
}

TEST(IdentitySegmentTest, ALookUpBehindSlotsThatAreMissingIsCorruption) {
  const std::string bytes = Damaged(GoldenBytes(), [](std::string& b) { b.replace(kSlotsAt, 3, 3, '\xff'); });
  std::vector<IdentityPlace> found;
  for (const IdentityEntry& entry : GoldenEntries()) {
    EXPECT_EQ(FindIdentity(bytes, kGoldenBits, kGoldenDay, entry.id, &found).code(), Code::kCorruption);
  }
}

TEST(IdentitySegmentTest, AHourOrASequenceOutOfRangeIsCorruption) {
  ExpectCorruption(WithByte(GoldenBytes(), kHoursAt, 31));
  auto entries = GoldenEntries();
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  for (IdentityEntry& entry : entries) entry.place.sequence = kMax;
  entries[2].place.sequence = kMax - 1;
  const std::string bytes = EncodeEntries(kGoldenBits, kGoldenDay, entries);
  EXPECT_EQ(DecodeGolden(bytes), Code::kOk);
  ExpectCorruption(WithByte(bytes, 7, 255));  // the smallest, a byte of it
}

TEST(IdentitySegmentTest, AdClassesThatDoNotFitTheAdsAreCorruption) {
  const std::string bytes = EncodeEntries(12, kGoldenDay, SkewedEntries());
  const size_t classes_at = bytes.size() - 4 - 15 - 5;  // 24 units of 5 bits, 20 classes
  std::vector<IdentityEntry> entries;
  for (const std::string& bad : {WithByte(bytes, classes_at, 0xFF), WithByte(bytes, classes_at + 3, 0)}) {
    EXPECT_EQ(DecodeIdentityBucket(bad, 12, kGoldenDay, 0xABC, &entries).code(), Code::kCorruption);
  }
  std::vector<IdentityPlace> found;
  const Hash128 last = SkewedEntries().back().id;
  EXPECT_EQ(FindIdentity(bytes, 12, kGoldenDay, last, &found).code(), Code::kOk);
  EXPECT_EQ(FindIdentity(WithByte(bytes, classes_at, 0xFF), 12, kGoldenDay, last, &found).code(),
            Code::kCorruption);
}

TEST(IdentitySegmentTest, ABucketReadAsAnotherIsCorruption) { ExpectOnlyItsOwnBucketReadsIt(GoldenBytes()); }

TEST(IdentitySegmentTest, UnsortedEntriesAreCorruption) {
  auto entries = GoldenEntries();
  entries[2].id.lo = 1;
  const std::string bytes = EncodeEntries(kGoldenBits, kGoldenDay, entries);
  EXPECT_EQ(DecodeGolden(bytes), Code::kOk);
  EXPECT_EQ(DecodeGolden(Damaged(bytes,
                                 [](std::string& b) {
                                   auto second = b.begin() + kRemaindersAt + 14;
                                   std::swap_ranges(second, second + 14, second + 14);
                                 })),
            Code::kCorruption);
}

TEST(IdentitySegmentDeathTest, UnsortedOrForeignEntriesAreNeverWritten) {
  auto entries = GoldenEntries();
  std::swap(entries[0], entries[1]);
  EXPECT_DEATH(EncodeEntries(12, kGoldenDay, entries), "");
  EXPECT_DEATH(EncodeEntries(12, kGoldenDay + 1, GoldenEntries()), "");
  EXPECT_DEATH(EncodeEntries(13, kGoldenDay, GoldenEntries()), "");
}

}  // namespace
}  // namespace tallymark
