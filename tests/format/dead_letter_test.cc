#include "format/dead_letter.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "format/text_encoding.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

std::string Encoded(const DeadLetter& letter) {
  std::string record;
  EncodeDeadLetter(letter, &record);
  return record;
}

TEST(DeadLetter, ARecordIsOneJsonLine) {
  DeadLetter letter{.time_ns = 1609459200000000000,
                    .reason = "no_ad",
                    .detail = "ad_id is \"missing\"",
                    .source = "tcp 10.0.0.7:5012",
                    .text = "click a\tb"};
  EXPECT_EQ(Encoded(letter),
            R"({"time":"1609459200000000000","reason":"no_ad","detail":"ad_id is \"missing\"",)"
            R"("source":"tcp 10.0.0.7:5012","text":"click a\u0009b"})"
            "\n");
}

TEST(DeadLetter, AnyBytesComeBack) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 2'000; ++round) {
    DeadLetter letter{.time_ns = static_cast<int64_t>(random()),
                      .reason = "parse",
                      .detail = "\xC3\xA4\n\"\\",
                      .source = "",
                      .text = ""};
    for (size_t i = random() % 40; i > 0; --i) {
      letter.text.push_back(static_cast<char>(random() % (round % 2 == 0 ? 128 : 256)));
    }
    letter.cut = random() % 2 == 0;
    DeadLetter decoded;
    ASSERT_TRUE(DecodeDeadLetter(Encoded(letter), &decoded).ok()) << Encoded(letter);
    EXPECT_EQ(decoded, letter);
  }
}

TEST(DeadLetter, MembersMayStandInAnyOrderWithOthersAmongThem) {
  DeadLetter letter;
  Status status = DecodeDeadLetter(
      R"( {"text" : "\u00e4\ud83d\ude00\/", "line":12, "more":null, "cut":true,"reason":"parse", "time":"-5"} )",
      &letter);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(letter.text, "\xC3\xA4\xF0\x9F\x98\x80/");
  EXPECT_EQ(letter.time_ns, -5);
  EXPECT_TRUE(letter.cut);
}

TEST(DeadLetter, EveryCutRecordIsCorrupt) {
  std::string record =
      Encoded({.time_ns = 5, .reason = "parse", .detail = "d", .source = "s", .text = "\xFF\xFE"});
  record.pop_back();
  DeadLetter letter;
  for (size_t size = 0; size < record.size(); ++size) {
    EXPECT_EQ(DecodeDeadLetter(record.substr(0, size), &letter).code(), Code::kCorruption) << size;
  }
}

TEST(DeadLetter, WhatIsNoRecordIsCorrupt) {
  DeadLetter letter;
  for (const char* record : {"", "[]", "{}", R"({"reason":"a"}x)", R"({"reason":"a","time":"x"})",
                             R"({"reason":"a","text_base64":"a"})", R"({"reason":"\ud800"})",
                             R"({"reason":"\x"})", R"({"reason":"a","x":{}})", R"({"reason" "a"})"}) {
    EXPECT_EQ(DecodeDeadLetter(record, &letter).code(), Code::kCorruption) << record;
  }
}

TEST(DeadLetter, FileNamesHoldTheirNumber) {
  EXPECT_EQ(DeadLetterFileName(1), "rejected-00000001.jsonl");
  EXPECT_EQ(DeadLetterFileName(4'000'000'000), "rejected-4000000000.jsonl");
  for (uint32_t number : {1U, 99'999'999U, 100'000'000U, UINT32_MAX}) {
    EXPECT_EQ(DeadLetterFileNumber(DeadLetterFileName(number)), number);
  }
  for (const char* name :
       {"", "rejected-.jsonl", "rejected-1.jsonl", "rejected-00000000.jsonl", "rejected-00000001.json",
        "rejected-000000001.jsonl", "rejected-99999999999.jsonl", "rejected.jsonl"}) {
    EXPECT_EQ(DeadLetterFileNumber(name), std::nullopt) << name;
  }
}

TEST(TextEncoding, Base64IsThatOfTheStandard) {
  for (const auto& [plain, packed] : {std::pair{"", ""},
                                      {"f", "Zg=="},
                                      {"fo", "Zm8="},
                                      {"foo", "Zm9v"},
                                      {"foob", "Zm9vYg=="},
                                      {"fooba", "Zm9vYmE="},
                                      {"foobar", "Zm9vYmFy"}}) {
    std::string out;
    AppendBase64(plain, &out);
    EXPECT_EQ(out, packed);
    EXPECT_EQ(DecodeBase64(packed), plain);
  }
  for (const char* text : {"Z", "Zg=", "Zg", "Z===", "====", "Zm9v\n", "Zm=v"}) {
    EXPECT_EQ(DecodeBase64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace tallymark
