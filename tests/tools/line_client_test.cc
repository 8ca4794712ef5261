#include "tools/line_client.h"

#include <gtest/gtest.h>

namespace tallymark {
namespace {

TEST(LineClientTest, SyncedAnswerGivesItsCounts) {
  auto counts = ParseSynced("synced t accepted=5 duplicates=2 rejected=18446744073709551615", "t");
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->accepted, 5u);
  EXPECT_EQ(counts->duplicates, 2u);
  EXPECT_EQ(counts->rejected, UINT64_MAX);
}

TEST(LineClientTest, AnyOtherAnswerIsAnErrorWithTheServersWords) {
  for (std::string line : {"error t disk full", "synced u accepted=1 duplicates=0 rejected=0",
                           "synced t accepted=1", "synced t accepted=x duplicates=0 rejected=0",
                           "synced t accepted=1 duplicates=0 rejected=0 more", ""}) {
    auto counts = ParseSynced(line, "t");
    ASSERT_FALSE(counts.ok()) << line;
    EXPECT_EQ(counts.status().message(), "the server answered: " + line);
  }
}

TEST(LineClientTest, NobodyThereIsUnavailable) {
  // Port 1 of the loopback is never given out as an ephemeral port.
  auto client = LineClient::Connect({"127.0.0.1", "1"});
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.status().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace tallymark
