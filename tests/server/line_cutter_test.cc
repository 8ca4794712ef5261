#include "server/line_cutter.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "format/event_parser.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

// What a cutter makes of a stream cut into the given reads: whole lines and the long ones.
struct Outcome {
  std::string lines;
  int long_lines = 0;
};

Outcome Feed(LineCutter& cutter, std::string_view stream, size_t read_max, std::mt19937_64& random) {
  Outcome outcome;
  while (!stream.empty()) {
    size_t size = std::min<size_t>(stream.size(), 1 + random() % read_max);
    std::string text;
    std::optional<std::string> long_line;
    if (random() % 2 == 0) {
      text = cutter.carry() + std::string(stream.substr(0, size));
      long_line = cutter.Cut(&text);
    } else {
      long_line = cutter.Add(stream.substr(0, size), &text);
    }
    EXPECT_TRUE(text.empty() || text.back() == '\n');
    outcome.lines += text;
    outcome.long_lines += long_line ? 1 : 0;
    stream.remove_prefix(size);
  }
  return outcome;
}

TEST(LineCutter, AnySegmentationGivesTheSameLines) {
  std::mt19937_64 random(TestSeed());
  std::string stream;
  for (int i = 0; i < 500; ++i)
    stream += std::string(random() % 200, 'x') + (random() % 5 == 0 ? "\r\n" : "\n");
  std::string rest = "unfinished";
  for (size_t read_max : {1, 2, 7, 100, 5'000, 100'000}) {
    LineCutter cutter;
    Outcome outcome = Feed(cutter, stream + rest, read_max, random);
    EXPECT_EQ(outcome.lines, stream) << read_max;
    EXPECT_EQ(outcome.long_lines, 0);
    EXPECT_EQ(cutter.carry(), rest);
  }
}

TEST(LineCutter, AnOverlongLineIsDroppedToItsLineFeed) {
  std::mt19937_64 random(TestSeed());
  std::string long_line(3 * kMaxLineBytes, 'y');
  for (size_t read_max : {size_t{100}, size_t{5'000}, kMaxLineBytes}) {
    LineCutter cutter;
    Outcome outcome = Feed(cutter, "a\n" + long_line + "\nb\n", read_max, random);
    EXPECT_EQ(outcome.lines, "a\nb\n");
    EXPECT_EQ(outcome.long_lines, 1);
    EXPECT_LE(cutter.carry().size(), kMaxLineBytes);
  }
}

TEST(LineCutter, ALineOfTheBoundPasses) {
  std::mt19937_64 random(TestSeed());
  std::string line(kMaxLineBytes, 'y');
  LineCutter cutter;
  Outcome outcome = Feed(cutter, line + "\r\n", 1'000, random);
  EXPECT_EQ(outcome.lines, line + "\r\n");
  EXPECT_EQ(outcome.long_lines, 0);
}

TEST(LineCutter, AnOverlongCommentIsNoRejectedLine) {
  std::mt19937_64 random(TestSeed());
  LineCutter cutter;
  Outcome outcome = Feed(cutter, "#" + std::string(2 * kMaxLineBytes, 'y') + "\nb\n", 4'000, random);
  EXPECT_EQ(outcome.lines, "b\n");
  EXPECT_EQ(outcome.long_lines, 0);
}

TEST(DetectSpeaker, KnowsHttpAndTlsByTheirFirstBytes) {
  EXPECT_EQ(DetectSpeaker("GET / HTTP/1.1\r\n"), Speaker::kHttp);
  EXPECT_EQ(DetectSpeaker("POST /write HTTP/1.1\r\n"), Speaker::kHttp);
  EXPECT_EQ(DetectSpeaker("PRI * HTTP/2.0\r\n"), Speaker::kHttp);
  EXPECT_EQ(DetectSpeaker("CONNECT a:1 HTTP/1.1\r\n"), Speaker::kHttp);
  EXPECT_EQ(DetectSpeaker("POST http://a/write HTTP/1.1\r\n"), Speaker::kHttp);
  EXPECT_EQ(DetectSpeaker("\x16\x03\x01\x02"), Speaker::kTls);
  EXPECT_EQ(DetectSpeaker("click,ad_id=a 1\n"), Speaker::kLines);
  EXPECT_EQ(DetectSpeaker("#sync a\n"), Speaker::kLines);
  EXPECT_EQ(DetectSpeaker("GET\n"), Speaker::kLines);
}

TEST(DetectSpeaker, WaitsWhileTheBytesCouldBecomeEither) {
  EXPECT_EQ(DetectSpeaker(""), Speaker::kUndecided);
  EXPECT_EQ(DetectSpeaker("P"), Speaker::kUndecided);
  EXPECT_EQ(DetectSpeaker("GET "), Speaker::kUndecided);
  EXPECT_EQ(DetectSpeaker("\x16"), Speaker::kUndecided);
}

}  // namespace
}  // namespace tallymark
