#include "engine/fingerprint_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

class FingerprintPagesTest : public ::testing::Test {
 protected:
  std::vector<int> Tags(Fingerprint fingerprint) const {
    std::vector<int> tags;
    pages_.Find(fingerprint, [&](uint8_t tag) { tags.push_back(tag); });
    std::sort(tags.begin(), tags.end());
    return tags;
  }

  // Of two of the pages that there are at first, so that few are enough for them to split and split again.
  Fingerprint OfTwoPages(std::mt19937_64* random) const {
    constexpr int kPrefixBits = 11;
    return ((*random)() >> (64 - kFingerprintBits) >> kPrefixBits) | Fingerprint{0x5A5} << (40 - kPrefixBits);
  }

  PiecePool pool_{FingerprintPages::kChunkBytes};
  FingerprintPages pages_{&pool_};
};

TEST_F(FingerprintPagesTest, HoldsExactlyWhatWentInWhilePagesSplit) {
  std::mt19937_64 random(TestSeed());
  std::map<Fingerprint, std::set<int>> expected;
  auto check = [&] {
    for (const auto& [fingerprint, tags] : expected) {
      ASSERT_EQ(Tags(fingerprint), std::vector<int>(tags.begin(), tags.end())) << fingerprint;
    }
  };
  constexpr int kCount = 100'000;  // two pages of some 3,000 become more than 40
  for (int i = 1; i <= kCount; ++i) {
    Fingerprint fingerprint = OfTwoPages(&random);
    auto tag = static_cast<uint8_t>(random());
    // One in eight has a tag more, one in eight is there already.
    const auto near = expected.lower_bound(fingerprint);
    if (random() % 4 == 0 && near != expected.end()) {
      fingerprint = near->first;
      if (random() % 2 == 0) tag = static_cast<uint8_t>(*near->second.begin());
    }
    ASSERT_TRUE(pages_.Insert(fingerprint, tag));
    expected[fingerprint].insert(tag);
    if ((i & (i - 1)) == 0 || i % 20'000 == 0) check();
  }
  check();
  for (int i = 0; i < kCount; ++i) {
    const Fingerprint stranger = OfTwoPages(&random);
    ASSERT_EQ(Tags(stranger).empty(), !expected.contains(stranger)) << stranger;
  }
}

TEST_F(FingerprintPagesTest, MemoryFollowsTheEntriesCloselyThroughEverySplit) {
  std::mt19937_64 random(TestSeed());
  for (uint64_t count = 1; count <= 14'000'000; ++count) {  // all pages split at some 10 million
    ASSERT_TRUE(pages_.Insert(random() >> (64 - kFingerprintBits), 1));
    if (count < 6'000'000 || count % 10'000 != 0) continue;
    ASSERT_LE(pages_.bytes(), count * 8) << count;
    ASSERT_GE(pages_.bytes(), count * 64 / 14) << count;
  }
}

TEST_F(FingerprintPagesTest, ACrowdedPlaceSpillsAndIsFound) {
  // Alike in 24 bits; in the first page and, round its end, in the last.
  for (Fingerprint crowd : {Fingerprint{0}, Fingerprint{0xFFFFFF0000}}) {
    std::map<Fingerprint, int> tags;
    for (int i = 0; i < 100; ++i) {
      const Fingerprint fingerprint = crowd | static_cast<Fingerprint>(i) * 655 % 65'536;
      ASSERT_TRUE(pages_.Insert(fingerprint, static_cast<uint8_t>(i)));
      tags[fingerprint] = i;
    }
    ASSERT_EQ(tags.size(), 100U);
    for (const auto& [fingerprint, tag] : tags) EXPECT_EQ(Tags(fingerprint), std::vector<int>{tag});
  }
}

TEST_F(FingerprintPagesTest, APairThatIsThereTakesNoRoom) {
  const uint64_t bytes = pages_.bytes();
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(pages_.Insert(0x123456789A, static_cast<uint8_t>(i % 50)));
  EXPECT_EQ(Tags(0x123456789A).size(), 50U);
  EXPECT_EQ(pages_.bytes(), bytes);
}

TEST_F(FingerprintPagesTest, MoreTagsOfOneFingerprintThanBucketsInReachHoldAreRefused) {
  int taken = 0;
  while (taken < 256 && pages_.Insert(0x1122334455, static_cast<uint8_t>(taken))) ++taken;
  EXPECT_EQ(taken, 8 * 14) << "no page can tell them apart, however often it is split";
}

TEST_F(FingerprintPagesTest, UsedMemoryIsAsGoodAsFresh) {
  PiecePool pool(FingerprintPages::kChunkBytes);
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 3; ++round) {
    FingerprintPages pages(&pool);
    std::set<Fingerprint> in;
    for (int i = 0; i < 30'000; ++i) in.insert(OfTwoPages(&random));
    for (Fingerprint fingerprint : in) ASSERT_TRUE(pages.Insert(fingerprint, 7));
    for (int i = 0; i < 30'000; ++i) {
      const Fingerprint asked = OfTwoPages(&random);
      int found = 0;
      pages.Find(asked, [&](uint8_t) { ++found; });
      ASSERT_EQ(found, in.contains(asked) ? 1 : 0);
    }
  }
}

}  // namespace
}  // namespace tallymark
