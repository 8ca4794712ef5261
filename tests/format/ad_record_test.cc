#include "format/ad_record.h"

#include <gtest/gtest.h>

#include "tests/format/golden.h"

namespace tallymark {
namespace {

LearnedAd Learned() {
  LearnedAd ad;
  ad[0] = {1'609'459'200'000'000'000, "i-77", "7"};
  ad[2] = {-1, "", std::string(128, 'a')};
  return ad;
}

AdSettings Settings() {
  AdSettings settings;
  settings.redirect_url = "https://example.com/";
  settings.owners = {"7", "31", std::nullopt};
  settings.others = {{"name", "Spring"}, {"size", ""}};
  return settings;
}

TEST(AdRecordTest, GoldenRecordsReadAndWriteAsTheyDid) {
  auto golden = ReadGolden("ad_record_v1.txt");
  EXPECT_EQ(ToHex(EncodeLearnedAd(Learned())), ToHex(golden["learned"]));
  EXPECT_EQ(ToHex(EncodeLearnedAd({})), ToHex(golden["learned_nothing"]));
  EXPECT_EQ(ToHex(EncodeAdSettings(Settings())), ToHex(golden["settings"]));
  EXPECT_EQ(ToHex(EncodeAdSettings({})), ToHex(golden["settings_nothing"]));
  LearnedAd learned;
  ASSERT_TRUE(DecodeLearnedAd(golden["learned"], &learned).ok());
  EXPECT_EQ(learned, Learned());
  AdSettings settings;
  ASSERT_TRUE(DecodeAdSettings(golden["settings"], &settings).ok());
  EXPECT_EQ(settings, Settings());
}

TEST(AdRecordTest, DecodingForgetsWhatWasThere) {
  LearnedAd learned = Learned();
  ASSERT_TRUE(DecodeLearnedAd(EncodeLearnedAd({}), &learned).ok());
  EXPECT_EQ(learned, LearnedAd());
  AdSettings settings = Settings();
  ASSERT_TRUE(DecodeAdSettings(EncodeAdSettings({}), &settings).ok());
  EXPECT_EQ(settings, AdSettings());
}

template <class Decode>
void ExpectDamageIsSeen(const std::string& record, Decode decode) {
  for (size_t size = 0; size < record.size(); ++size) {
    EXPECT_EQ(decode(std::string_view(record).substr(0, size)).code(), Code::kCorruption) << size;
  }
  for (size_t bit = 0; bit < record.size() * 8; ++bit) {
    std::string flipped = record;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    EXPECT_EQ(decode(flipped).code(), Code::kCorruption) << bit;
  }
}

TEST(AdRecordTest, EveryTruncationAndEveryFlippedBitIsCorruption) {
  LearnedAd learned;
  ExpectDamageIsSeen(EncodeLearnedAd(Learned()),
                     [&](std::string_view bytes) { return DecodeLearnedAd(bytes, &learned); });
  AdSettings settings;
  ExpectDamageIsSeen(EncodeAdSettings(Settings()),
                     [&](std::string_view bytes) { return DecodeAdSettings(bytes, &settings); });
}

TEST(AdRecordTest, TheGreatestIsByTimeThenEventIdThenValue) {
  const LearnedOwner base{5, "b", "x"};
  EXPECT_LT(base, (LearnedOwner{6, "a", "a"}));
  EXPECT_LT(base, (LearnedOwner{5, "c", "a"}));
  EXPECT_LT(base, (LearnedOwner{5, "b", "y"}));
  EXPECT_LT((LearnedOwner{5, "", "z"}), base);
}

}  // namespace
}  // namespace tallymark
