#include "tools/table.h"

#include <gtest/gtest.h>

namespace tallymark {
namespace {

TEST(TableTest, NumbersStandRightAndTextLeft) {
  Table table({"ad", "clicks"});
  table.Add({"ad7", "91"});
  table.Add({"a", "1234567"});
  EXPECT_EQ(table.Text(), "ad    clicks\nad7       91\na    1234567\n");
}

TEST(TableTest, WidthCountsCharactersNotBytes) {
  Table table({"x", "y"});
  table.Add({"\xC3\xA4\xC3\xB6", "a"});
  table.Add({"bb", "c"});
  EXPECT_EQ(table.Text(), "x   y\n\xC3\xA4\xC3\xB6  a\nbb  c\n");
}

TEST(TableTest, HeaderAloneIsOneLine) { EXPECT_EQ(Table({"a", "b"}).Text(), "a  b\n"); }

}  // namespace
}  // namespace tallymark
