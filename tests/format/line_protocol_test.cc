#include "format/line_protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tallymark {
namespace {

using Outcome = LineReader::Outcome;
using Type = FieldValue::Type;

// A point as text: name|tag=value|...|field:type=text|...@time. Easy to read in a failure.
std::string Describe(const Point& point) {
  static constexpr char kTypes[] = {'f', 'i', 'u', 's', 'b'};
  std::string out = point.name;
  for (const Tag& tag : point.tags) out += "|" + tag.key + "=" + tag.value;
  for (const FieldItem& field : point.fields) {
    out += "|" + field.key + ":" + kTypes[static_cast<size_t>(field.value.type)] + "=" + field.value.text;
  }
  if (point.time_ns) out += "@" + std::to_string(*point.time_ns);
  return out;
}

// Every outcome of an input, one string each; refused lines as "error line:column".
std::vector<std::string> ReadAll(std::string_view input, LineReader::Options options = {}) {
  LineReader reader(input, options);
  std::vector<std::string> out;
  Point point;
  LineError error;
  while (true) {
    Outcome outcome = reader.Next(&point, &error);
    if (outcome == Outcome::kEnd) return out;
    out.push_back(outcome == Outcome::kPoint
                      ? Describe(point)
                      : "error " + std::to_string(error.line) + ":" + std::to_string(error.column));
  }
}

Point ReadOne(std::string_view input) {
  LineReader reader(input, {});
  Point point;
  LineError error;
  EXPECT_EQ(reader.Next(&point, &error), Outcome::kPoint) << error.column << " " << error.reason;
  EXPECT_EQ(reader.Next(&point, &error), Outcome::kEnd);
  return point;
}

std::string At(size_t column) { return "error 1:" + std::to_string(column); }

struct Case {
  std::string_view input;
  std::string expected;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(ReadAll(c.input), std::vector<std::string>{c.expected}) << c.input;
  }
}

TEST(LineProtocolTest, TagsFieldsAndTimeAreRead) {
  Check({{"room,floor=2,wing=east temp=21.5,seats=40i,door=\"open\",lit=t,mask=7u 1500",
          "room|floor=2|wing=east|temp:f=21.5|seats:i=40|door:s=open|lit:b=t|mask:u=7@1500"},
         {"room temp=1", "room|temp:f=1"},
         {"room temp=1 -5", "room|temp:f=1@-5"},
         {"  room   temp=1   7  ", "room|temp:f=1@7"},
         {"=a==", At(5)},
         {"a=b,c=d e=1", "a=b|c=d|e:f=1"},
         {"\"q\",\"k\"=\"v\" \"f\"=1", "\"q\"|\"k\"=\"v\"|\"f\":f=1"}});
}

TEST(LineProtocolTest, EscapesStandForTheCharacterWhereItWouldEndTheName) {
  Check({{R"(ro\ om,wi\,ng=ea\=st te\ mp=1)", "ro om|wi,ng=ea=st|te mp:f=1"},
         {R"(ro\,om x=1)", "ro,om|x:f=1"},
         {R"(ro\=om x=1)", R"(ro\=om|x:f=1)"},  // an equals sign ends no measurement
         {R"(m,a=\\b x=1)", R"(m|a=\\b|x:f=1)"},
         {R"(m,a=b\\ c x=1)", R"(m|a=b\ c|x:f=1)"},
         {R"(m,a=\n x=1)", R"(m|a=\n|x:f=1)"},
         {R"(m,a=b\)", At(7)},
         {R"(m \x=1)", R"(m|\x:f=1)"}});
}

TEST(LineProtocolTest, StringsKnowFiveEscapes) {
  Check({{R"(m s="a\"b\\c")", R"(m|s:s=a"b\c)"},
         {R"(m s="\n\r\t")", "m|s:s=\n\r\t"},
         {R"(m s="\a\,\ \=")", R"(m|s:s=\a\,\ \=)"},
         {R"(m s="")", "m|s:s="},
         {R"(m s="a,b c=d")", "m|s:s=a,b c=d"},
         {"m s=\"\x01\x7F\"", "m|s:s=\x01\x7F"},
         {R"(m s="a)", At(5)},
         {R"(m s="a\")", At(5)},
         {R"(m s="a"b)", At(8)},
         {R"(m s=a")", At(5)}});
}

TEST(LineProtocolTest, LineFeedInsideAStringBelongsToItUnlessToldOtherwise) {
  EXPECT_EQ(ReadAll("m s=\"a\nb\"\nm x=1"), (std::vector<std::string>{"m|s:s=a\nb", "m|x:f=1"}));
  EXPECT_EQ(ReadAll("m s=\"a\nb\"\nm x=1", {.lf_always_ends_line = true}),
            (std::vector<std::string>{"error 1:5", "error 2:3", "m|x:f=1"}));
}

TEST(LineProtocolTest, NumbersHaveTheFormsOfTheirTypes) {
  for (const char* good : {"0",
                           "1.",
                           ".5",
                           "-1",
                           "-.5",
                           "05",
                           "1e3",
                           "1E+3",
                           "1.5e-3",
                           "-0",
                           "0i",
                           "-0i",
                           "007i",
                           "0u",
                           "9223372036854775807i",
                           "-9223372036854775808i",
                           "18446744073709551615u",
                           "1e308",
                           "1e-400",
                           "0e999999999999",
                           "0.000e5"}) {
    EXPECT_EQ(ReadAll("m x=" + std::string(good)).at(0).find("m|x:"), 0u) << good;
  }
  for (const char* bad : {"",
                          ".",
                          "-",
                          "--1",
                          "+1",
                          "1e",
                          "1e+",
                          "1.1.1",
                          "1x",
                          "0x10",
                          "1_0",
                          "nan",
                          "NaN",
                          "inf",
                          "-inf",
                          "i",
                          "u",
                          "-i",
                          "1.0i",
                          "1ii",
                          "-1u",
                          "1e309",
                          "-1e309",
                          "9223372036854775808i",
                          "-9223372036854775809i",
                          "18446744073709551616u",
                          "1e999999999999",
                          "1,",
                          "1 2 3"}) {
    EXPECT_EQ(ReadAll("m x=" + std::string(bad)).at(0).find("error 1:"), 0u) << bad;
  }
  EXPECT_EQ(ReadOne("m x=1e-400").fields[0].value.as_float, 0.0);
  EXPECT_EQ(ReadOne("m x=-12.5e1").fields[0].value.as_float, -125.0);
  EXPECT_EQ(ReadOne("m x=-12i").fields[0].value.as_int, -12);
  EXPECT_EQ(ReadOne("m x=18446744073709551615u").fields[0].value.as_uint, 18446744073709551615u);
}

TEST(LineProtocolTest, BooleansAreTenWords) {
  for (const char* word : {"t", "T", "true", "True", "TRUE"}) {
    EXPECT_TRUE(ReadOne("m x=" + std::string(word)).fields[0].value.as_bool) << word;
  }
  for (const char* word : {"f", "F", "false", "False", "FALSE"}) {
    Point point = ReadOne("m x=" + std::string(word));
    EXPECT_EQ(point.fields[0].value.type, Type::kBool);
    EXPECT_FALSE(point.fields[0].value.as_bool) << word;
  }
  for (const char* bad : {"tr", "tRUE", "yes", "fals", "tt"}) {
    EXPECT_EQ(ReadAll("m x=" + std::string(bad)).at(0), At(5)) << bad;
  }
}

TEST(LineProtocolTest, WhatIsMissingIsNamedByItsColumn) {
  Check({{",a=b x=1", At(1)},    {"m", At(2)},
         {"m ", At(3)},          {"m,", At(3)},
         {"m, x=1", At(3)},      {"m,a", At(4)},
         {"m,a x=1", At(4)},     {"m,a= x=1", At(5)},
         {"m,=b x=1", At(3)},    {"m,a=b,,c=d x=1", At(7)},
         {"m,a=b=c x=1", At(6)}, {"m,a=b", At(6)},
         {"m,a=b 5", At(8)},     {"m =1", At(3)},
         {"m x", At(4)},         {"m x=1,", At(7)},
         {"m x=1,y", At(8)},     {"m x=1 y=2", At(7)},
         {"m x=1 5 6", At(9)},   {"m x=1 5i", At(7)},
         {"m x=1 1-2", At(7)},   {"m x=1 -", At(7)}});
}

TEST(LineProtocolTest, ControlCharactersAreRefusedOutsideStrings) {
  for (char c : {'\0', '\x01', '\t', '\v', '\f', '\x1F', '\x7F'}) {
    std::string control(1, c);
    for (const std::string& line :
         {control + "m x=1", "m" + control + " x=1", "m,a" + control + "=b x=1", "m,a=b" + control + " x=1",
          "m x" + control + "=1", "m x=1" + control, "m x=1 5" + control, "#" + control}) {
      bool tab_in_comment = c == '\t' && line[0] == '#';
      EXPECT_EQ(ReadAll(line).size(), tab_in_comment ? 0u : 1u);
      if (!tab_in_comment) {
        EXPECT_EQ(ReadAll(line).at(0).find("error"), 0u) << static_cast<int>(c);
      }
    }
  }
}

TEST(LineProtocolTest, CarriageReturnOnlyEndsALineBeforeLineFeedOrTheEnd) {
  EXPECT_EQ(ReadAll("m x=1\r\nm x=2 5\r\nm,a=b y=t\r"),
            (std::vector<std::string>{"m|x:f=1", "m|x:f=2@5", "m|a=b|y:b=t"}));
  EXPECT_EQ(ReadAll("\r\n\r\n\r"), std::vector<std::string>{});
  EXPECT_EQ(ReadAll("m x=1\rm x=2"), std::vector<std::string>{At(5)});
  EXPECT_EQ(ReadAll("\rm x=1"), std::vector<std::string>{At(1)});
  EXPECT_EQ(ReadAll("m s=\"a\r\""), std::vector<std::string>{"m|s:s=a\r"});
}

TEST(LineProtocolTest, TextMustBeUtf8Everywhere) {
  EXPECT_EQ(ReadAll("m\xC3\xA8,\xE2\x82\xAC=\xF0\x9F\x98\x80 k\xC3\xA9=\"\xC3\xBC\"").size(), 1u);
  for (const char* bad :
       {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5", "\xFF"}) {
    std::string b(bad);
    Check({{"m" + b + " x=1", At(1)}});
    Check({{"m,a" + b + "=b x=1", At(3)}});
    Check({{"m,a=" + b + " x=1", At(5)}});
    Check({{"m " + b + "=1", At(3)}});
    Check({{"m x=\"" + b + "\"", At(6)}});
  }
}

TEST(LineProtocolTest, CommentsAndBlankLinesArePassedOver) {
  EXPECT_EQ(ReadAll("# hello\n\n   \n  # x=\"\nm x=1\n#"), std::vector<std::string>{"m|x:f=1"});
  EXPECT_EQ(ReadAll(""), std::vector<std::string>{});
  EXPECT_EQ(ReadAll("m #=1"), std::vector<std::string>{"m|#:f=1"});
}

TEST(LineProtocolTest, TimesAreScaledAndMustFit) {
  EXPECT_EQ(ReadAll("m x=1 12", {.unit_ns = 1'000'000'000}), std::vector<std::string>{"m|x:f=1@12000000000"});
  EXPECT_EQ(ReadAll("m x=1 9223372036854775807"), std::vector<std::string>{"m|x:f=1@9223372036854775807"});
  EXPECT_EQ(ReadAll("m x=1 -9223372036854775808"), std::vector<std::string>{"m|x:f=1@-9223372036854775808"});
  EXPECT_EQ(ReadAll("m x=1 9223372036854775808"), std::vector<std::string>{At(7)});
  EXPECT_EQ(ReadAll("m x=1 9223372036854776", {.unit_ns = 1000}), std::vector<std::string>{At(7)});
}

TEST(LineProtocolTest, TagKeysStandOnceFieldKeysMayRepeat) {
  Check({{"m,a=1,b=2,a=3 x=1", At(11)},
         {R"(m,a\ b=1,a\ b=2 x=1)", At(10)},
         {"m,a=1 a=2,a=3", "m|a=1|a:f=2|a:f=3"}});
  std::string many = "m";
  for (int i = 0; i < 100; ++i) many += ",t" + std::to_string(i) + "=v";
  EXPECT_EQ(ReadOne(many + " x=1").tags.size(), 100u);
  EXPECT_EQ(ReadAll(many + ",t42=v x=1"), std::vector<std::string>{At(many.size() + 2)});
}

TEST(LineProtocolTest, LinesWithoutFieldsAreTakenOnlyWhenAllowed) {
  for (std::string_view line : {"m,a=b", "m,a=b ", "m,a=b 5", "m,a=b  -5 "}) {
    EXPECT_EQ(ReadAll(line).at(0).find("error"), 0u) << line;
    EXPECT_EQ(ReadAll(line, {.allow_no_fields = true}).at(0).find("m|a=b"), 0u) << line;
  }
  EXPECT_EQ(ReadAll("m,a=b 5", {.allow_no_fields = true}), std::vector<std::string>{"m|a=b@5"});
  EXPECT_EQ(ReadAll("m,a=b 5=1", {.allow_no_fields = true}), std::vector<std::string>{"m|a=b|5:f=1"});
  for (std::string_view line : {"m", "m 5", "m,a=b x", "m,a=b 5 6", "m,a=b -"}) {
    EXPECT_EQ(ReadAll(line, {.allow_no_fields = true}).at(0).find("error"), 0u) << line;
  }
}

TEST(LineProtocolTest, ReadingGoesOnAfterARefusedLine) {
  EXPECT_EQ(
      ReadAll("m x=1\nbad\nm x=2\n,\n\nm x=3\nm s=\"open"),
      (std::vector<std::string>{"m|x:f=1", "error 2:4", "m|x:f=2", "error 4:1", "m|x:f=3", "error 7:5"}));
  // A quote that never ends takes only its own line with it.
  EXPECT_EQ(ReadAll("m s=\"open\nm x=1"), (std::vector<std::string>{"error 1:5", "m|x:f=1"}));
}

TEST(LineProtocolTest, TheReaderSaysWhereTheLineStood) {
  std::string_view input = "# c\nm x=1 5\r\nm,\nm x=2";
  LineReader reader(input, {});
  Point point;
  LineError error;
  auto line = [&] { return input.substr(reader.line_begin(), reader.line_end() - reader.line_begin()); };
  ASSERT_EQ(reader.Next(&point, &error), Outcome::kPoint);
  EXPECT_EQ(line(), "m x=1 5");
  ASSERT_EQ(reader.Next(&point, &error), Outcome::kError);
  EXPECT_EQ(line(), "m,");
  EXPECT_EQ(error.line, 3u);
  ASSERT_EQ(reader.Next(&point, &error), Outcome::kPoint);
  EXPECT_EQ(line(), "m x=2");
}

}  // namespace
}  // namespace tallymark
