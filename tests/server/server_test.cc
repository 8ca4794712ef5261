#include "server/server.h"

#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "server/listen_address.h"
#include "tests/server/test_server.h"

namespace tallymark {
namespace {

TEST(ListenAddress, NamesAndNumbersAreUnderstood) {
  EXPECT_EQ(FormatEndpoint(*ParseListenAddress("127.0.0.1:9009")), "127.0.0.1:9009");
  EXPECT_EQ(FormatEndpoint(*ParseListenAddress("[::1]:80")), "[::1]:80");
  EXPECT_EQ(FormatEndpoint(*ParseListenAddress(":9009")), "0.0.0.0:9009");
  EXPECT_TRUE(ParseListenAddress("localhost:0")->address().is_loopback());
  for (const char* text : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "1:2:3"}) {
    EXPECT_EQ(ParseListenAddress(text).status().code(), Code::kInvalid) << text;
  }
}

class ServerStartTest : public ServerTest {
 protected:
  ServerOptions Other() const {
    ServerOptions other = options_;
    other.engine.data_dir = directory_ + "/other";
    return other;
  }
};

TEST_F(ServerStartTest, TheReadyLineHasTheAddresses) {
  EXPECT_TRUE(
      std::regex_match(server_->ReadyLine(), std::regex("tallymark ready ingest=127\\.0\\.0\\.1:[1-9][0-9]* "
                                                        "http=127\\.0\\.0\\.1:[1-9][0-9]* data=.*/data")))
      << server_->ReadyLine();
}

TEST_F(ServerStartTest, ATakenPortIsRefused) {
  ServerOptions other = Other();
  other.http_listen = server_->http_address();
  Result<std::unique_ptr<Server>> second = Server::Start(other);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kConflict);
  EXPECT_NE(second.status().message().find(server_->http_address()), std::string::npos);
}

TEST_F(ServerStartTest, ATakenDirectoryIsRefused) {
  Result<std::unique_ptr<Server>> second = Server::Start(options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kConflict) << second.status().message();
}

TEST_F(ServerStartTest, OtherAddressesThanLoopbackNeedToBeAskedFor) {
  ServerOptions other = Other();
  other.ingest_listen = "0.0.0.0:0";
  Result<std::unique_ptr<Server>> refused = Server::Start(other);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find("--insecure"), std::string::npos);
  other.insecure = true;
  Result<std::unique_ptr<Server>> allowed = Server::Start(other);
  ASSERT_TRUE(allowed.ok()) << allowed.status().message();
  EXPECT_TRUE((*allowed)->Stop().ok());
}

TEST_F(ServerStartTest, StoppingTwiceIsStoppingOnce) {
  EXPECT_TRUE(server_->Stop().ok());
  EXPECT_TRUE(server_->Stop().ok());
  server_.reset();
  StartServer();
  EXPECT_EQ(Get("/ping").status, 204);
}

}  // namespace
}  // namespace tallymark
