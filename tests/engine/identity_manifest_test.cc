#include "engine/identity_manifest.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

bool Same(const IdentityManifest& a, const IdentityManifest& b) {
  if (a.covered_sequence != b.covered_sequence || a.next_segment != b.next_segment) return false;
  if (a.segments.size() != b.segments.size()) return false;
  for (size_t i = 0; i < a.segments.size(); ++i) {
    const IdentitySegment& x = a.segments[i];
    const IdentitySegment& y = b.segments[i];
    if (x.day != y.day || x.number != y.number || x.entries != y.entries || x.bucket_bits != y.bucket_bits)
      return false;
  }
  return true;
}

IdentityManifest Example() {
  IdentityManifest manifest;
  manifest.covered_sequence = 0x0102030405060708;
  manifest.next_segment = 6;
  manifest.segments = {{-1, 2, 1, 0}, {18'628, 4, 8'000'000, 16}, {18'629, 5, 300, 1}};
  return manifest;
}

TEST(IdentityManifestTest, GoldenManifestsReadAndWriteAsTheyDid) {
  auto golden = ReadGolden("identity_manifest_v1.txt");
  ASSERT_EQ(golden.size(), 2U);
  EXPECT_EQ(ToHex(IdentityManifest{}.Encode()), ToHex(golden["empty"]));
  EXPECT_EQ(ToHex(Example().Encode()), ToHex(golden["three_segments"]));
  IdentityManifest read;
  ASSERT_TRUE(read.Decode(golden["three_segments"]));
  EXPECT_TRUE(Same(read, Example()));
}

TEST(IdentityManifestTest, ThePositionStandsRightBehindTheVersion) {
  std::string bytes = Example().Encode();
  EXPECT_EQ(ToHex(bytes.substr(0, 9)), "010807060504030201");
}

TEST(IdentityManifestTest, DecodingReplacesWhatWasThere) {
  IdentityManifest manifest = Example();
  ASSERT_TRUE(manifest.Decode(IdentityManifest{}.Encode()));
  EXPECT_TRUE(Same(manifest, IdentityManifest{}));
}

TEST(IdentityManifestTest, EveryManifestComesBack) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 500; ++i) {
    IdentityManifest manifest;
    manifest.covered_sequence = random();
    manifest.next_segment = static_cast<uint32_t>(random());
    manifest.segments.resize(random() % 200);
    for (IdentitySegment& s : manifest.segments) {
      s = {static_cast<int32_t>(random()), static_cast<uint32_t>(random()), random() >> random() % 64,
           static_cast<int>(random() % 25)};
    }
    IdentityManifest read;
    ASSERT_TRUE(read.Decode(manifest.Encode()));
    EXPECT_TRUE(Same(read, manifest));
  }
}

TEST(IdentityManifestTest, ACutOrLongerOneIsRefused) {
  const std::string bytes = Example().Encode();
  IdentityManifest read;
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(read.Decode(std::string_view(bytes).substr(0, size))) << size;
  }
  EXPECT_FALSE(read.Decode(bytes + '\0'));
}

TEST(IdentityManifestTest, AnotherVersionIsRefused) {
  std::string bytes = Example().Encode();
  bytes[0] = 2;
  EXPECT_FALSE(IdentityManifest().Decode(bytes));
}

TEST(IdentityManifestTest, ACountThatTheBytesCannotHoldIsRefusedBeforeAnythingIsAllocated) {
  std::string bytes = IdentityManifest{}.Encode();
  bytes.pop_back();
  bytes += "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F";
  EXPECT_FALSE(IdentityManifest().Decode(bytes));
}

TEST(IdentityManifestTest, MoreBucketBitsThanABucketNumberHasAreRefused) {
  IdentityManifest manifest;
  manifest.segments = {{1, 1, 1, 33}};
  EXPECT_FALSE(IdentityManifest().Decode(manifest.Encode()));
}

TEST(IdentityManifestTest, ChangedBytesNeverHarm) {
  std::mt19937_64 random(TestSeed());
  const std::string bytes = Example().Encode();
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = bytes;
    changed[random() % changed.size()] = static_cast<char>(random());
    IdentityManifest read;
    if (!read.Decode(changed)) continue;
    IdentityManifest again;
    ASSERT_TRUE(again.Decode(read.Encode()));
    EXPECT_TRUE(Same(again, read));
  }
}

}  // namespace
}  // namespace tallymark
