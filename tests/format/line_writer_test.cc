#include "format/line_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "format/line_protocol.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

// The one point in `text`, which must be taken whole.
Point ReadBack(const std::string& text) {
  LineReader reader(text, {.lf_always_ends_line = true});
  Point point;
  LineError error;
  EXPECT_EQ(reader.Next(&point, &error), LineReader::Outcome::kPoint) << text << error.reason;
  Point more;
  EXPECT_EQ(reader.Next(&more, &error), LineReader::Outcome::kEnd) << text;
  return point;
}

TEST(LineWriterTest, WritesAttributesAsStringFields) {
  std::string text;
  LineWriter line("click", &text);
  line.AddText("ad_id", "ad 7");
  line.AddMicros("revenue", 12'340'000);
  line.Finish(-5);
  EXPECT_EQ(text, "click ad_id=\"ad 7\",revenue=12.340000 -5\n");
}

TEST(LineWriterTest, AnyTextReadsBackTheSame) {
  std::mt19937_64 random(TestSeed());
  const std::string alphabet = "ab \\\",=\n\t\r#\xC3\xA4";  // whole characters are kept together below
  for (int round = 0; round < 2000; ++round) {
    std::string value;
    for (size_t length = random() % 12; value.size() < length;) {
      char c = alphabet[random() % (alphabet.size() - 1)];
      value += c == '\xC3' ? "\xC3\xA4" : std::string(1, c);
    }
    std::string text;
    LineWriter line("click", &text);
    line.AddText("k", value);
    line.AddText("after", "x");
    line.Finish(1);
    Point point = ReadBack(text);
    ASSERT_EQ(point.fields.size(), 2u) << text;
    EXPECT_EQ(point.fields[0].value.text, value) << text;
    EXPECT_EQ(point.fields[1].value.text, "x") << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  }
}

TEST(LineWriterTest, WritableNamesReadBackTheSame) {
  for (std::string name :
       {"plain", "with space", "a,b", "a=b", "a\\b", "a\\,b", "\xC3\xA4", "\"q\"", "a\\\\=b"}) {
    ASSERT_TRUE(IsWritableName(name)) << name;
    std::string text;
    LineWriter line("click", &text);
    line.AddText(name, "v");
    line.Finish(1);
    Point point = ReadBack(text);
    ASSERT_EQ(point.fields.size(), 1u) << text;
    EXPECT_EQ(point.fields[0].key, name);
  }
}

TEST(LineWriterTest, NamesThatNoLineCanCarryAreTold) {
  for (std::string name : {"", "a\\", "a\nb", "\x7F"}) EXPECT_FALSE(IsWritableName(name)) << name;
}

}  // namespace
}  // namespace tallymark
