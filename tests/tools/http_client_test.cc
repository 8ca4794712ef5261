#include "tools/http_client.h"

#include <gtest/gtest.h>

namespace tallymark {
namespace {

TEST(HttpClientTest, TargetsAreEncodedAndEmptyParametersLeftOut) {
  EXPECT_EQ(
      HttpTarget({"v1", "ads", "a b/\xC3\xA4?", "series"}, {{"from", "now-1h"}, {"to", ""}, {"x", "a+b&c"}}),
      "/v1/ads/a%20b%2F%C3%A4%3F/series?from=now-1h&x=a%2Bb%26c");
}

TEST(HttpClientTest, ErrorDetailPrefersTheServersWords) {
  EXPECT_EQ(ErrorDetail({404, {}, R"({"title":"Not Found","detail":"there is no filter 9"})"}),
            "there is no filter 9");
  EXPECT_EQ(ErrorDetail({400, {}, R"({"code":"invalid","message":"bad line"})"}), "bad line");
  EXPECT_EQ(ErrorDetail({400, {}, R"({"error":"partial write"})"}), "partial write");
  EXPECT_EQ(ErrorDetail({502, {}, "<html>"}), "status 502: <html>");
  EXPECT_EQ(ErrorDetail({500, {}, ""}), "status 500");
}

TEST(HttpClientTest, NobodyThereIsUnavailable) {
  auto client = HttpClient::Create({"127.0.0.1", "1"});
  auto answer = client->Get("/ping");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace tallymark
