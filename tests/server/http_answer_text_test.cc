#include "server/http_answer_text.h"

#include <gtest/gtest.h>

#include <string>

namespace tallymark {
namespace {

std::string TextOf(const HttpAnswer& answer, const AnswerTextOptions& options) {
  std::string text;
  AppendHttpAnswer(answer, options, &text);
  size_t date = text.find("Date: ");
  return text.erase(date, text.find("\r\n", date) + 2 - date);
}

TEST(HttpAnswerText, HasHeadersLengthAndBody) {
  HttpAnswer answer;
  answer.body = "{}";
  answer.headers.emplace_back("Allow", "GET");
  EXPECT_EQ(TextOf(answer, {.keep_alive = true}),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nAllow: GET\r\n\r\n{}");
}

TEST(HttpAnswerText, HeadHasTheLengthWithoutTheBody) {
  HttpAnswer answer;
  answer.body = "{}";
  EXPECT_EQ(
      TextOf(answer, {.is_head = true}),
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
}

TEST(HttpAnswerText, NoContentHasNeitherTypeNorLength) {
  HttpAnswer answer;
  answer.status = 204;
  EXPECT_EQ(TextOf(answer, {.keep_alive = true, .say_keep_alive = true}),
            "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

TEST(HttpAnswerText, DatesAreInTheFormOfTheStandard) {
  EXPECT_EQ(FormatHttpDate(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(FormatHttpDate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(ErrorAnswer, EachApiHasItsOwnForm) {
  EXPECT_EQ(
      ErrorAnswer(ErrorStyle::kProblem, 422, "gone", R"(,"finest_step":"1h")").body,
      R"({"type":"about:blank","title":"Unprocessable Content","status":422,"detail":"gone","finest_step":"1h"})");
  EXPECT_EQ(ErrorAnswer(ErrorStyle::kInfluxV1, 400, "a \"b\"").body, R"({"error":"a \"b\""})");
  EXPECT_EQ(ErrorAnswer(ErrorStyle::kInfluxV2, 400, "a\xFF", ",\"line\":3").body,
            R"({"code":"invalid","message":"a?","line":3})");
}

TEST(ErrorAnswer, WhatMayPassLaterSaysWhen) {
  for (int status : {429, 503}) {
    auto headers = ErrorAnswer(ErrorStyle::kProblem, status, "later").headers;
    ASSERT_EQ(headers.size(), 1U);
    EXPECT_EQ(headers[0].first, "Retry-After");
  }
  EXPECT_TRUE(ErrorAnswer(ErrorStyle::kProblem, 400, "never").headers.empty());
}

}  // namespace
}  // namespace tallymark
