// Buckets of version 1 are not written any more; what was written once stays readable.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/format/golden.h"
#include "tests/format/identity_segment_entries.h"

namespace tallymark {
namespace {

std::string GoldenBytes(const std::string& name = "three_of_12_bits") {
  return ReadGolden("identity_bucket_v1.txt")[name];
}

TEST(IdentitySegmentV1Test, GoldenBucketsAreReadAsEver) {
  ASSERT_EQ(ReadGolden("identity_bucket_v1.txt").size(), 3U);
  ExpectHolds(GoldenBytes(), kGoldenBits, kGoldenDay, kGoldenBucket, GoldenEntries());
  ExpectHolds(GoldenBytes("empty"), 24, kGoldenDay, 7, {});
  ExpectHolds(GoldenBytes("one_before_1970"), 0, -1, 0, EntryBefore1970());
}

TEST(IdentitySegmentV1Test, AbsentIdsAreNotFound) {
  std::vector<IdentityPlace> found;
  for (Hash128 id :
       {Hash128{.hi = 0xBEE0000000000001, .lo = 0}, Hash128{.hi = 0xBEE0000000000000, .lo = 0},
        Hash128{.hi = 0xBEEFFFFFFFFFFFFF, .lo = 1}, Hash128{.hi = 0xBEE8000000000000, .lo = 0}}) {
    ASSERT_TRUE(FindIdentity(GoldenBytes(), kGoldenBits, kGoldenDay, id, &found).ok());
  }
  EXPECT_TRUE(found.empty());
}

TEST(IdentitySegmentV1Test, EveryCutAndEveryFlippedBitIsCorruption) {
  ExpectEveryCutAndFlippedBitIsCorruption(GoldenBytes());
}

TEST(IdentitySegmentV1Test, HeadersThatDoNotFitAreCorruptionUnderAnyChecksum) {
  const std::string bytes = GoldenBytes();
  EXPECT_EQ(DecodeGolden(Damaged(bytes, [](std::string&) {})), Code::kOk);
  for (const std::string& bad :
       {WithByte(bytes, 0, 0), WithByte(bytes, 0, 2), WithByte(bytes, 1, 13), WithByte(bytes, 2, 33),
        WithByte(bytes, 3, 65), WithByte(bytes, 4, 2), WithByte(bytes, 4, 4), WithByte(bytes, 7, 255),
        Damaged(bytes, [](std::string& b) { b.push_back(0); })}) {
    EXPECT_EQ(DecodeGolden(bad), Code::kCorruption);
    EXPECT_EQ(FindGolden(bad), Code::kCorruption);
  }
}

TEST(IdentitySegmentV1Test, AHourOrASequenceOutOfRangeIsCorruption) {
  EXPECT_EQ(DecodeGolden(WithByte(GoldenBytes(), 67, 31)), Code::kCorruption);
  EXPECT_EQ(FindGolden(WithByte(GoldenBytes(), 67, 31)), Code::kCorruption);
  const std::string beyond = Damaged(GoldenBytes(), [](std::string& b) { b.replace(8, 8, 8, '\xff'); });
  EXPECT_EQ(DecodeGolden(beyond), Code::kCorruption);
}

TEST(IdentitySegmentV1Test, ABucketReadAsAnotherIsCorruption) {
  ExpectOnlyItsOwnBucketReadsIt(GoldenBytes());
  EXPECT_EQ(DecodeGolden(GoldenBytes(), 12, 0xBE1), Code::kCorruption) << "half a byte of it is stored";
}

TEST(IdentitySegmentV1Test, UnsortedEntriesAreCorruption) {
  const std::string bytes = Damaged(GoldenBytes(), [](std::string& b) {
    std::swap_ranges(b.begin() + 16, b.begin() + 31, b.begin() + 31);  // two hashes of 15 bytes
  });
  EXPECT_EQ(DecodeGolden(bytes), Code::kCorruption);
}

}  // namespace
}  // namespace tallymark
