#include "engine/top_banners.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tallymark {
namespace {

BannerSums Banner(std::string id, int64_t revenue, int64_t clicks, int64_t conversions) {
  BannerSums banner;
  banner.banner_id = std::move(id);
  banner.sums[Metric::kRevenue] = revenue;
  banner.sums[Metric::kClicks] = clicks;
  banner.sums[Metric::kConversions] = conversions;
  return banner;
}

std::vector<std::string> Pick(std::vector<BannerSums> banners, uint64_t converting) {
  std::mt19937_64 random(7);
  std::shuffle(banners.begin(), banners.end(), random);
  TopBanners top = PickTopBanners(std::move(banners));
  EXPECT_EQ(top.converting, converting);
  std::vector<std::string> ids;
  for (const BannerSums& banner : top.banners) ids.push_back(banner.banner_id);
  return ids;
}

using Ids = std::vector<std::string>;

// n banners with a conversion: number i has revenue i; and three others with many clicks.
std::vector<BannerSums> Converting(int n) {
  std::vector<BannerSums> banners;
  for (int i = 1; i <= n; ++i) banners.push_back(Banner(std::to_string(i), i, 1, 1));
  for (int i = 0; i < 3; ++i) banners.push_back(Banner("x" + std::to_string(i), 0, 100 + i, 0));
  return banners;
}

TEST(TopBannersTest, OfTenOrMoreTheTenWithMostRevenue) {
  EXPECT_EQ(Pick(Converting(12), 12), (Ids{"12", "11", "10", "9", "8", "7", "6", "5", "4", "3"}));
  EXPECT_EQ(Pick(Converting(10), 10).size(), 10U);
}

TEST(TopBannersTest, OfFiveToNineAllOfThemByRevenue) {
  EXPECT_EQ(Pick(Converting(9), 9), (Ids{"9", "8", "7", "6", "5", "4", "3", "2", "1"}));
  EXPECT_EQ(Pick(Converting(5), 5), (Ids{"5", "4", "3", "2", "1"}));
}

TEST(TopBannersTest, FewerAreFilledUpToFiveByClicks) {
  EXPECT_EQ(Pick(Converting(4), 4), (Ids{"4", "3", "2", "1", "x2"}));
  EXPECT_EQ(Pick(Converting(1), 1), (Ids{"1", "x2", "x1", "x0"}));
  std::vector<BannerSums> more = Converting(1);
  more.push_back(Banner("never-clicked", 0, 0, 0));
  EXPECT_EQ(Pick(more, 1), (Ids{"1", "x2", "x1", "x0", "never-clicked"}));
}

TEST(TopBannersTest, WithoutAConversionTheFiveWithMostClicks) {
  std::vector<BannerSums> banners;
  for (int i = 1; i <= 7; ++i) banners.push_back(Banner(std::to_string(i), 0, i > 3 ? i : 0, 0));
  EXPECT_EQ(Pick(banners, 0), (Ids{"7", "6", "5", "4", "1"}));
  EXPECT_EQ(Pick({}, 0), Ids{});
}

TEST(TopBannersTest, RevenueWithoutAConversionDoesNotCount) {
  EXPECT_EQ(Pick({Banner("1", 1, 0, 1), Banner("2", 1000, 5, 0), Banner("3", 0, 9, 0)}, 1),
            (Ids{"1", "3", "2"}));
}

TEST(TopBannersTest, ANegativeRevenueComesAfterNone) {
  std::vector<BannerSums> banners;
  for (int i = 0; i < 5; ++i) banners.push_back(Banner(std::to_string(i), i - 2, 0, 1));
  EXPECT_EQ(Pick(banners, 5), (Ids{"4", "3", "2", "1", "0"}));
}

TEST(TopBannersTest, TiesGoToMoreClicksThenToTheSmallerId) {
  std::vector<BannerSums> banners;
  for (const char* id : {"9", "10", "100"}) banners.push_back(Banner(id, 5, 3, 1));
  banners.push_back(Banner("200", 5, 4, 1));
  banners.push_back(Banner("1", 5, 2, 1));
  EXPECT_EQ(Pick(banners, 5), (Ids{"200", "9", "10", "100", "1"}));
  std::vector<BannerSums> clicked;
  for (const char* id : {"b", "10", "9", "a", "11", "08"}) clicked.push_back(Banner(id, 0, 3, 0));
  EXPECT_EQ(Pick(clicked, 0), (Ids{"08", "9", "10", "11", "a"}));
}

TEST(TopBannersTest, IdsCompareAsNumbersOfAnyLengthWhereBothAre) {
  EXPECT_TRUE(IsSmallerBannerId("9", "10"));
  EXPECT_TRUE(IsSmallerBannerId("099", "100"));
  EXPECT_TRUE(IsSmallerBannerId("99999999999999999999999", "100000000000000000000000"));
  EXPECT_TRUE(IsSmallerBannerId("a10", "a9"));
  EXPECT_TRUE(IsSmallerBannerId("10", "1a"));
  EXPECT_TRUE(IsSmallerBannerId("", "a"));
  EXPECT_FALSE(IsSmallerBannerId("7", "7"));
  EXPECT_NE(IsSmallerBannerId("07", "7"), IsSmallerBannerId("7", "07"));
  // No two ids smaller than each other, and no circles.
  const Ids ids = {"", "0", "00", "7", "07", "10", "9", "1a", "a", "9x", "-1", "1.5"};
  for (const std::string& a : ids) {
    for (const std::string& b : ids) {
      EXPECT_FALSE(IsSmallerBannerId(a, b) && IsSmallerBannerId(b, a)) << a << " " << b;
      for (const std::string& c : ids) {
        if (IsSmallerBannerId(a, b) && IsSmallerBannerId(b, c)) {
          EXPECT_TRUE(IsSmallerBannerId(a, c)) << a << " " << b << " " << c;
        }
      }
    }
  }
}

}  // namespace
}  // namespace tallymark
