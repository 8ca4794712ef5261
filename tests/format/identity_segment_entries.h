#ifndef TALLYMARK_TESTS_FORMAT_IDENTITY_SEGMENT_ENTRIES_H_
#define TALLYMARK_TESTS_FORMAT_IDENTITY_SEGMENT_ENTRIES_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "format/checksum.h"
#include "format/coding.h"
#include "format/identity_segment.h"

namespace tallymark {

// What tests of all versions of identity buckets share.

inline void PrintTo(const IdentityPlace& place, std::ostream* out) {
  *out << "{hour " << place.hour << ", ad " << place.ad << ", sequence " << place.sequence << ", check "
       << place.content_check << "}";
}

inline constexpr int32_t kGoldenDay = 18'628;
inline constexpr int kGoldenBits = 12;
inline constexpr uint32_t kGoldenBucket = 0xBEE;

// "three_of_12_bits" in the golden file of every version.
inline std::vector<IdentityEntry> GoldenEntries() {
  auto hour = [](int h) { return kGoldenDay * 24 + h; };
  return {
      {.id = {.hi = 0xBEE0000000000001, .lo = 0x0102030405060708},
       .place = {.hour = hour(0), .ad = 5, .sequence = 1000, .content_check = 0xABCD}},
      {.id = {.hi = 0xBEEFFFFFFFFFFFFF, .lo = 0},
       .place = {.hour = hour(23), .ad = 1000, .sequence = 1003, .content_check = 1}},
      {.id = {.hi = 0xBEEFFFFFFFFFFFFF, .lo = 0},
       .place = {.hour = hour(12), .ad = 0, .sequence = 1001, .content_check = 2}},
  };
}

// "one_before_1970" in the golden file of every version: bucket 0 of 1, day -1.
inline std::vector<IdentityEntry> EntryBefore1970() {
  return {{.id = {.hi = 1, .lo = 2}, .place = {.hour = -1, .ad = 0, .sequence = 9, .content_check = 3}}};
}

inline std::string EncodeEntries(int bucket_bits, int32_t day, const std::vector<IdentityEntry>& entries) {
  std::string out;
  EncodeIdentityBucket(bucket_bits, day, entries, &out);
  return out;
}

// That `bytes` hold these entries and no others, and that each is found by its id.
inline void ExpectHolds(const std::string& bytes, int bucket_bits, int32_t day, uint32_t bucket,
                        const std::vector<IdentityEntry>& expected) {
  std::vector<IdentityEntry> entries;
  const Status decoded = DecodeIdentityBucket(bytes, bucket_bits, day, bucket, &entries);
  ASSERT_TRUE(decoded.ok()) << decoded.message();
  ASSERT_EQ(entries.size(), expected.size());
  std::vector<IdentityPlace> found, same;
  for (size_t i = 0; i < entries.size(); ++i) {
    ASSERT_EQ(entries[i].id, expected[i].id);
    ASSERT_EQ(entries[i].place, expected[i].place);
    if (i == 0 || entries[i].id != entries[i - 1].id) {
      same.clear();
      for (size_t j = i; j < expected.size() && expected[j].id == expected[i].id; ++j)
        same.push_back(expected[j].place);
    }
    found.clear();
    ASSERT_TRUE(FindIdentity(bytes, bucket_bits, day, expected[i].id, &found).ok());
    ASSERT_EQ(found, same);
  }
}

inline Code DecodeGolden(const std::string& bytes, int bucket_bits = kGoldenBits,
                         uint32_t bucket = kGoldenBucket) {
  std::vector<IdentityEntry> entries;
  return DecodeIdentityBucket(bytes, bucket_bits, kGoldenDay, bucket, &entries).code();
}

inline Code FindGolden(const std::string& bytes, int bucket_bits = kGoldenBits) {
  std::vector<IdentityPlace> found;
  return FindIdentity(bytes, bucket_bits, kGoldenDay, GoldenEntries()[0].id, &found).code();
}

// The bytes after `change`, with a checksum that fits: what lies behind the checksum must hold too.
template <class Change>
std::string Damaged(std::string bytes, Change change) {
  bytes.resize(bytes.size() - 4);
  change(bytes);
  PutFixed(&bytes, Checksum32(bytes));
  return bytes;
}

// The same with one byte replaced.
inline std::string WithByte(const std::string& bytes, size_t at, int value) {
  return Damaged(bytes, [=](std::string& b) { b[at] = static_cast<char>(value); });
}

inline void ExpectEveryCutAndFlippedBitIsCorruption(const std::string& bytes) {
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeGolden(bytes.substr(0, size)), Code::kCorruption);
    EXPECT_EQ(FindGolden(bytes.substr(0, size)), Code::kCorruption);
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    EXPECT_EQ(DecodeGolden(flipped), Code::kCorruption);
    EXPECT_EQ(FindGolden(flipped), Code::kCorruption);
  }
}

inline void ExpectOnlyItsOwnBucketReadsIt(const std::string& bytes) {
  EXPECT_EQ(DecodeGolden(bytes), Code::kOk);
  EXPECT_EQ(DecodeGolden(bytes, 11, 0x5F7), Code::kCorruption);
  EXPECT_EQ(DecodeGolden(bytes, 12, 0x1000), Code::kCorruption);
  EXPECT_EQ(DecodeGolden(bytes, 25, 0), Code::kCorruption);
  EXPECT_EQ(FindGolden(bytes, 13), Code::kCorruption);
  EXPECT_EQ(FindGolden(bytes, -1), Code::kCorruption);
}

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_FORMAT_IDENTITY_SEGMENT_ENTRIES_H_
