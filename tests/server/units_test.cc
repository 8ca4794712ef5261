#include "server/units.h"

#include <gtest/gtest.h>

#include "format/time_units.h"

namespace tallymark {
namespace {

TEST(Units, DurationsAreMilliseconds) {
  EXPECT_EQ(*ParseDurationMs("500ms"), 500);
  EXPECT_EQ(*ParseDurationMs("30s"), 30'000);
  EXPECT_EQ(*ParseDurationMs("15m"), 15 * kMsPerMinute);
  EXPECT_EQ(*ParseDurationMs("24h"), kMsPerDay);
  EXPECT_EQ(*ParseDurationMs("90d"), 90 * kMsPerDay);
  EXPECT_EQ(*ParseDurationMs("0"), 0);
}

TEST(Units, WhatIsNoDurationIsInvalid) {
  for (const char* text : {"", "15", "m", "-5m", "1.5h", "5 m", "5w", "99999999999999999999d", "5M"}) {
    EXPECT_EQ(ParseDurationMs(text).status().code(), Code::kInvalid) << text;
  }
}

TEST(Units, SizesAreBytes) {
  EXPECT_EQ(*ParseBytes("4GiB"), 4ULL << 30);
  EXPECT_EQ(*ParseBytes("512MiB"), 512ULL << 20);
  EXPECT_EQ(*ParseBytes("1GB"), 1'000'000'000U);
  EXPECT_EQ(*ParseBytes("1048576"), 1'048'576U);
  for (const char* text : {"", "GiB", "-1GiB", "4 GiB", "4gib", "99999999999TiB"}) {
    EXPECT_EQ(ParseBytes(text).status().code(), Code::kInvalid) << text;
  }
}

TEST(Units, DurationsAreShownInTheLargestUnitThatFits) {
  EXPECT_EQ(FormatDurationMs(900'000), "15m");
  EXPECT_EQ(FormatDurationMs(kMsPerDay), "1d");
  EXPECT_EQ(FormatDurationMs(1'500), "1500ms");
  EXPECT_EQ(FormatDurationMs(0), "0s");
}

}  // namespace
}  // namespace tallymark
