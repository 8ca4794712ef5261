#include "tools/progress.h"

#include <gtest/gtest.h>

namespace tallymark {
namespace {

TEST(ProgressTest, NothingIsDueInTheFirstMoment) {
  Progress progress(true);
  EXPECT_FALSE(progress.Due());
}

TEST(ProgressTest, DigitsAreGrouped) {
  EXPECT_EQ(GroupDigits(0), "0");
  EXPECT_EQ(GroupDigits(999), "999");
  EXPECT_EQ(GroupDigits(1000), "1,000");
  EXPECT_EQ(GroupDigits(1234567), "1,234,567");
}

TEST(ProgressTest, TextNamesShareAndSpeed) {
  EXPECT_EQ(ProgressText(500, 2000, "lines", 2), "25 %  500 of 2,000 lines  250/s");
  EXPECT_EQ(ProgressText(5000, 0, "rows", 2), "5,000 rows  2,500/s");
  EXPECT_EQ(ProgressText(5000, 0, "rows", 0), "5,000 rows");
}

}  // namespace
}  // namespace tallymark
