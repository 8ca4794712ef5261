#include "tools/host_port.h"

#include <gtest/gtest.h>

namespace tallymark {
namespace {

TEST(HostPortTest, NamesAndAddressesReadBack) {
  for (std::string text : {"127.0.0.1:8086", "localhost:1", "[::1]:65535"}) {
    auto parsed = ParseHostPort(text);
    ASSERT_TRUE(parsed.ok()) << text;
    EXPECT_EQ(parsed->Text(), text);
  }
  EXPECT_EQ(ParseHostPort("[::1]:80")->host, "::1");
}

TEST(HostPortTest, EverythingElseIsRefused) {
  for (std::string text :
       {"", "localhost", ":80", "localhost:", "localhost:0", "localhost:65536", "localhost:8x", "::1:80"}) {
    EXPECT_FALSE(ParseHostPort(text).ok()) << text;
  }
}

}  // namespace
}  // namespace tallymark
