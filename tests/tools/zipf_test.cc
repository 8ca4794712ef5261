#include "tools/zipf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace tallymark {
namespace {

// Chi squared of `draws` draws against the exact probabilities of ranks 1..n.
double ChiSquared(uint64_t n, double exponent, int draws) {
  Zipf zipf(n, exponent);
  std::vector<int> counts(n + 1);
  for (int i = 0; i < draws; ++i) {
    uint64_t rank = zipf.Draw(Draws(Mix64(static_cast<uint64_t>(i) + 12345)), 0);
    EXPECT_GE(rank, 1u);
    EXPECT_LE(rank, n);
    ++counts[rank];
  }
  double norm = 0, chi = 0;
  for (uint64_t rank = 1; rank <= n; ++rank) norm += std::pow(static_cast<double>(rank), -exponent);
  for (uint64_t rank = 1; rank <= n; ++rank) {
    double expected = draws * std::pow(static_cast<double>(rank), -exponent) / norm;
    chi += (counts[rank] - expected) * (counts[rank] - expected) / expected;
  }
  return chi;
}

TEST(ZipfTest, RanksFollowTheExactDistribution) {
  // 99 degrees of freedom: above 160 comes once in ten thousand; the draws are fixed.
  for (double exponent : {0.0, 0.5, 0.99, 1.0, 1.1, 2.0})
    EXPECT_LT(ChiSquared(100, exponent, 300'000), 160) << exponent;
}

TEST(ZipfTest, OneRankIsAlwaysDrawn) {
  Zipf zipf(1, 1.1);
  for (uint64_t i = 0; i < 1000; ++i) EXPECT_EQ(zipf.Draw(Draws(i), 0), 1u);
}

TEST(ZipfTest, HugeRangesStayInBounds) {
  Zipf zipf(UINT64_MAX / 2, 0.3);
  for (uint64_t i = 0; i < 10'000; ++i) {
    uint64_t rank = zipf.Draw(Draws(i), 0);
    EXPECT_GE(rank, 1u);
    EXPECT_LE(rank, UINT64_MAX / 2 + 1);
  }
}

}  // namespace
}  // namespace tallymark
