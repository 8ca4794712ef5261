#include <gtest/gtest.h>

#include <string>

#include "server/request_target.h"
#include "tests/server/test_server.h"

namespace tallymark {
namespace {

class HttpProtocolTest : public ServerTest {
 protected:
  TestAnswer Raw(const std::string& bytes) {
    TestSocket socket(server_->http_address());
    socket.Send(bytes);
    return ReadAnswer(socket);
  }
};

TEST_F(HttpProtocolTest, AConnectionServesRequestAfterRequest) {
  TestSocket socket(server_->http_address());
  for (int i = 0; i < 3; ++i) {
    socket.Send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(ReadAnswer(socket).status, 200);
  }
}

TEST_F(HttpProtocolTest, PipelinedRequestsAreAnsweredInOrder) {
  TestSocket socket(server_->http_address());
  socket.Send(
      "GET /ping HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbad\nGET /ready HTTP/1.1\r\nHost: "
      "x\r\n\r\n");
  EXPECT_EQ(ReadAnswer(socket).status, 204);
  EXPECT_EQ(ReadAnswer(socket).status, 404);
  EXPECT_EQ(ReadAnswer(socket).status, 400);
  EXPECT_EQ(ReadAnswer(socket).status, 200);
}

TEST_F(HttpProtocolTest, ARequestInPiecesIsOneRequest) {
  TestSocket socket(server_->http_address());
  for (char c : std::string("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")) socket.Send(std::string_view(&c, 1));
  EXPECT_EQ(ReadAnswer(socket).status, 204);
}

TEST_F(HttpProtocolTest, CloseIsHonouredAndOldClientsAreTold) {
  EXPECT_EQ(Get("/ping").Header("connection"), "close");
  EXPECT_EQ(Raw("GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").Header("connection"), "keep-alive");
  EXPECT_EQ(Raw("GET /ping HTTP/1.0\r\n\r\n").Header("connection"), "close");
  EXPECT_EQ(Raw("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").Header("connection"), "");
}

TEST_F(HttpProtocolTest, PingAnswersAsInfluxClientsExpect) {
  for (const char* method : {"GET", "HEAD"}) {
    TestAnswer answer = Request(method, "/ping");
    EXPECT_EQ(answer.status, 204);
    EXPECT_FALSE(answer.Header("x-influxdb-version").empty());
    EXPECT_FALSE(answer.Header("x-influxdb-build").empty());
  }
  EXPECT_EQ(Get("/ping?verbose=true").status, 200);
}

TEST_F(HttpProtocolTest, HealthAndReady) {
  TestAnswer health = Get("/health");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.Json().at("status").as_string(), "pass");
  EXPECT_EQ(Get("/ready").Json().at("status").as_string(), "ready");
}

TEST_F(HttpProtocolTest, HeadHasTheHeadersOfGet) {
  TestSocket socket(server_->http_address());
  socket.Send("HEAD /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  TestAnswer head = ReadAnswer(socket, true);
  TestAnswer get = ReadAnswer(socket);
  EXPECT_EQ(head.Header("content-length"), get.Header("content-length"));
  EXPECT_EQ(get.status, 200);
}

TEST_F(HttpProtocolTest, AWrongMethodIs405WithTheRightOnes) {
  TestAnswer answer = Request("DELETE", "/v1/status");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.Header("allow"), "GET, HEAD");
  EXPECT_EQ(Request("GET", "/write").Header("allow"), "POST");
  EXPECT_EQ(Request("BREW", "/write").status, 405);
}

TEST_F(HttpProtocolTest, BoundsHaveTheirOwnErrors) {
  EXPECT_EQ(Get("/x?" + std::string(kMaxTargetBytes, 'a')).status, 414);
  EXPECT_EQ(Get("/x?" + std::string(20'000, 'a')).status, 414);
  EXPECT_EQ(Request("GET", "/ping", "", "X-Long: " + std::string(20'000, 'a') + "\r\n").status, 431);
  EXPECT_EQ(Request("GET", "/ping", std::string(70'000, 'a')).status, 413);
}

TEST_F(HttpProtocolTest, WhatIsNoHttpIs400) {
  EXPECT_EQ(Raw("click,ad_id=a 1\n\r\n\r\n").status, 400);
  EXPECT_EQ(Raw("GET /ping HTTP/1.1\r\nbad header\r\n\r\n").status, 400);
  EXPECT_EQ(Raw("POST /write HTTP/1.1\r\nContent-Length: x\r\n\r\n").status, 400);
  EXPECT_EQ(Raw("GET ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 400);
}

TEST_F(HttpProtocolTest, APeerThatLeavesMidwayIsNoTrouble) {
  for (const char* start :
       {"", "GET", "GET /ping HTTP/1.1\r\n", "POST /write HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"}) {
    TestSocket socket(server_->http_address());
    socket.Send(start);
  }
  EXPECT_EQ(Get("/ping").status, 204);
}

TEST_F(HttpProtocolTest, ThePagesForPeopleAndToolsAreThere) {
  TestAnswer page = Get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("/v1/status"), std::string::npos);
  EXPECT_TRUE(page.body.ends_with("</html>\n"));
  TestAnswer document = Get("/openapi.yaml");
  EXPECT_EQ(document.status, 200);
  EXPECT_TRUE(document.body.starts_with("openapi: 3."));
}

TEST_F(HttpProtocolTest, StoppingEndsIdleConnections) {
  TestSocket socket(server_->http_address());
  socket.Send("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(ReadAnswer(socket).status, 204);
  StopServer();
  EXPECT_EQ(socket.ReadAll(), "");
}

}  // namespace
}  // namespace tallymark
