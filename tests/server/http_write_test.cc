#include <gtest/gtest.h>

#include <string>

#include "server/request_target.h"
#include "tests/server/gzip_data.h"
#include "tests/server/test_server.h"

namespace tallymark {
namespace {

class HttpWriteTest : public ServerTest {
 protected:
  TestAnswer Write(const std::string& target, const std::string& body, const std::string& headers = "") {
    return Request("POST", target, body, headers);
  }
  static void ExpectCounts(const TestAnswer& answer, const std::string& accepted,
                           const std::string& duplicates, const std::string& rejected) {
    EXPECT_EQ(answer.Header("tallymark-accepted"), accepted);
    EXPECT_EQ(answer.Header("tallymark-duplicates"), duplicates);
    EXPECT_EQ(answer.Header("tallymark-rejected"), rejected);
  }
};

TEST_F(HttpWriteTest, GoodLinesAreCountedAndAnswered204) {
  for (const char* target : {"/write?db=x&rp=y", "/api/v2/write?org=o&bucket=b"}) {
    std::string id = target;
    TestAnswer answer = Write(target, Click("a", id + "1") + Click("a", id + "2") + Click("a", id + "1"));
    EXPECT_EQ(answer.status, 204) << answer.body;
    EXPECT_EQ(answer.body, "");
    ExpectCounts(answer, "2", "1", "0");
  }
  EXPECT_EQ(Clicks("a"), 4);
}

TEST_F(HttpWriteTest, AnEmptyBodyIsFine) { EXPECT_EQ(Write("/write", "").status, 204); }

TEST_F(HttpWriteTest, BadLinesAreNamedInTheFirstVersionsJson) {
  TestAnswer answer = Write("/write", Click("a", "1") + "nonsense\n" + Click("a", "2") + "click f=1\n");
  EXPECT_EQ(answer.status, 400);
  ExpectCounts(answer, "2", "0", "2");
  std::string error = answer.Json().at("error").as_string().c_str();
  EXPECT_TRUE(error.starts_with("partial write: line 2")) << error;
  EXPECT_TRUE(error.ends_with("dropped=2")) << error;
  EXPECT_EQ(Clicks("a"), 2);
}

TEST_F(HttpWriteTest, BadLinesAreNamedInTheSecondVersionsJson) {
  TestAnswer answer = Write("/api/v2/write", Click("a", "1") + "\n# comment\nnonsense\n");
  EXPECT_EQ(answer.status, 400);
  ExpectCounts(answer, "1", "0", "1");
  EXPECT_EQ(answer.Json().at("code").as_string(), "invalid");
  EXPECT_EQ(answer.Json().at("line").as_int64(), 4);
  EXPECT_NE(answer.Json().at("message").as_string().find("dropped=1"), std::string::npos);
}

TEST_F(HttpWriteTest, PrecisionIsTheUnitOfTheTimestamps) {
  struct Case {
    const char* target;
    const char* time;
  };
  for (const Case& c :
       {Case{"/write?precision=s", "1609459201"}, Case{"/write?precision=ms", "1609459201000"},
        Case{"/write?precision=u", "1609459201000000"}, Case{"/write?precision=n", "1609459201000000000"},
        Case{"/write?precision=m", "26824320"}, Case{"/write?precision=h", "447072"},
        Case{"/api/v2/write?precision=us", "1609459201000000"}}) {
    std::string line = std::string("click,ad_id=a event_id=\"") + c.target + "\" " + c.time + "\n";
    EXPECT_EQ(Write(c.target, line).status, 204) << c.target;
  }
  EXPECT_EQ(Clicks("a"), 7);
}

TEST_F(HttpWriteTest, AnUnknownPrecisionIs400) {
  EXPECT_EQ(Write("/write?precision=d", Click("a", "1")).status, 400);
  TestAnswer answer = Write("/api/v2/write?precision=h", Click("a", "1"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.Json().at("code").as_string(), "invalid");
  EXPECT_EQ(Clicks("a"), 0);
}

TEST_F(HttpWriteTest, ALineFeedInsideAStringBelongsToIt) {
  std::string line = "click,ad_id=a event_id=\"1\",note=\"two\nlines\" 1609459201000000000\n";
  ExpectCounts(Write("/write", line), "1", "0", "0");
  boost::json::value page = Get("/v1/ads/a/events?from=1600000000000").Json();
  EXPECT_EQ(page.at("events").at(0).at("attributes").at("note").as_string(), "two\nlines");
}

TEST_F(HttpWriteTest, GzipIsUnpacked) {
  TestAnswer answer =
      Write("/write", GzipOf(Click("a", "1") + Click("a", "2")), "Content-Encoding: gzip\r\n");
  EXPECT_EQ(answer.status, 204) << answer.body;
  ExpectCounts(answer, "2", "0", "0");
}

TEST_F(HttpWriteTest, BadGzipIs400AndOtherPackings415) {
  EXPECT_EQ(Write("/write", "no gzip", "Content-Encoding: gzip\r\n").status, 400);
  std::string packed = GzipOf(Click("a", "1"));
  packed.resize(packed.size() - 3);
  EXPECT_EQ(Write("/write", packed, "Content-Encoding: gzip\r\n").status, 400);
  EXPECT_EQ(Write("/write", "x", "Content-Encoding: br\r\n").status, 415);
}

TEST_F(HttpWriteTest, ABombIs413) {
  std::string bomb = GzipOf(std::string(65 << 20, '#'));
  TestAnswer answer = Write("/api/v2/write", bomb, "Content-Encoding: gzip\r\n");
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.Json().at("code").as_string(), "request too large");
  EXPECT_EQ(Write("/write", Click("a", "1")).status, 204);
}

TEST_F(HttpWriteTest, ABodyAnnouncedTooLargeIs413WithoutReadingIt) {
  TestSocket socket(server_->http_address());
  socket.Send("POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
  TestAnswer answer = ReadAnswer(socket);
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.Header("tallymark-accepted"), "0");
  EXPECT_FALSE(answer.Json().at("error").as_string().empty());
}

// Where such a body ends is not known: what stands in it must not be taken for the next request.
TEST_F(HttpWriteTest, OtherTransferCodingsAreRefusedAndEndTheConnection) {
  for (const char* head :
       {"HTTP/1.1\r\nTransfer-Encoding: gzip", "HTTP/1.1\r\nTransfer-Encoding: gzip, chunked",
        "HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
        "HTTP/1.0\r\nTransfer-Encoding: chunked"}) {
    TestSocket socket(server_->http_address());
    socket.Send("POST /write " + std::string(head) +
                "\r\nHost: x\r\n\r\nGET /ping HTTP/1.1\r\nHost: x\r\n\r\n");
    TestAnswer answer = ReadAnswer(socket);
    EXPECT_EQ(answer.status, 400) << head;
    EXPECT_EQ(answer.Header("connection"), "close") << head;
    EXPECT_EQ(answer.Header("tallymark-accepted"), "0") << head;
  }
}

TEST_F(HttpWriteTest, WhatIsRefusedBeforeItsRouteIsKnownHasTheCountsToo) {
  for (const char* target : {"/write", "/api/v2/write"}) {
    EXPECT_EQ(Request("POST", target + std::string("?precision=%zz")).Header("tallymark-accepted"), "0");
    TestAnswer long_url = Request("POST", target + std::string("?db=") + std::string(kMaxTargetBytes, 'a'));
    EXPECT_EQ(long_url.status, 414);
    EXPECT_EQ(long_url.Header("tallymark-rejected"), "0");
    TestAnswer long_header = Request("POST", target, "", "X-Long: " + std::string(20'000, 'a') + "\r\n");
    EXPECT_EQ(long_header.status, 431);
    EXPECT_EQ(long_header.Header("tallymark-duplicates"), "0");
  }
}

TEST_F(HttpWriteTest, EqualLinesWithoutATimeAreAsManyEventsInOneBodyAsInSeveral) {
  TestAnswer answer = Request("POST", "/write", "click,ad_id=n\nclick,ad_id=n\nclick,ad_id=n\n");
  EXPECT_EQ(answer.Header("tallymark-accepted"), "3");
  EXPECT_EQ(answer.Header("tallymark-duplicates"), "0");
}

TEST_F(HttpWriteTest, ChunkedBodiesAreRead) {
  TestSocket socket(server_->http_address());
  std::string line = Click("a", "1");
  char size[16];
  std::snprintf(size, sizeof size, "%zx", line.size());
  socket.Send(std::string("POST /write HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n") + size +
              "\r\n" + line + "\r\n0\r\n\r\n");
  EXPECT_EQ(ReadAnswer(socket).status, 204);
  EXPECT_EQ(Clicks("a"), 1);
}

TEST_F(HttpWriteTest, ALargeBodyIsOneWrite) {
  std::string body;
  for (int i = 0; i < 50'000; ++i) body += Click("a", std::to_string(i));
  TestAnswer answer = Write("/write", body);
  EXPECT_EQ(answer.status, 204);
  ExpectCounts(answer, "50000", "0", "0");
  EXPECT_EQ(Clicks("a"), 50'000);
}

TEST_F(HttpWriteTest, AClientMayWaitForContinue) {
  TestSocket socket(server_->http_address());
  std::string line = Click("a", "1");
  socket.Send("POST /write HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: " +
              std::to_string(line.size()) + "\r\n\r\n");
  EXPECT_EQ(socket.ReadLine(), "HTTP/1.1 100 Continue\r");
  EXPECT_EQ(socket.ReadLine(), "\r");
  socket.Send(line);
  EXPECT_EQ(ReadAnswer(socket).status, 204);
}

class SmallBodyBudgetTest : public HttpWriteTest {
 protected:
  void Configure(ServerOptions* options) override { options->body_budget_bytes = 200'000; }
};

TEST_F(SmallBodyBudgetTest, WithoutRoomForTheBodyItIsForLater) {
  std::string comments(1'000'000, '#');
  TestAnswer answer = Write("/write", comments);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.Header("retry-after"), "1");
  EXPECT_EQ(answer.body.find("partial write"), std::string::npos);
  EXPECT_EQ(Write("/write", Click("a", "1")).status, 204);
}

}  // namespace
}  // namespace tallymark
