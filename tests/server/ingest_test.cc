#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "format/event_parser.h"
#include "tests/format/seed.h"
#include "tests/server/test_server.h"

namespace tallymark {
namespace {

class IngestTest : public ServerTest {};

TEST_F(IngestTest, ASyncTellsWhatBecameOfTheLines) {
  std::string lines = Click("a", "1") + Click("a", "2") + Click("a", "1") + "nonsense\n" + "# a comment\n\n";
  EXPECT_EQ(SendAndSync(lines), "synced t accepted=2 duplicates=1 rejected=1");
  EXPECT_EQ(Clicks("a"), 2);
}

TEST_F(IngestTest, CountsAreThoseSinceTheLastSync) {
  TestSocket socket(server_->ingest_address());
  socket.Send(Click("a", "1") + "#sync one\n" + Click("a", "2") + Click("a", "3") +
              "bad\n#sync two\n#sync three\n");
  EXPECT_EQ(socket.ReadLine(), "synced one accepted=1 duplicates=0 rejected=0");
  EXPECT_EQ(socket.ReadLine(), "synced two accepted=2 duplicates=0 rejected=1");
  EXPECT_EQ(socket.ReadLine(), "synced three accepted=0 duplicates=0 rejected=0");
}

TEST_F(IngestTest, TheServerIsSilentUntilAsked) {
  TestSocket socket(server_->ingest_address());
  socket.Send(Click("a", "1") + "bad\n# comment\n#synced x\n#sync\n");
  socket.EndSending();
  EXPECT_EQ(socket.ReadAll(), "");
}

TEST_F(IngestTest, AnyTokenAuthenticatesWithoutATokenFile) {
  TestSocket socket(server_->ingest_address());
  socket.Send("#auth secret\n" + Click("a", "1") + "#sync s\n");
  EXPECT_EQ(socket.ReadLine(), "ok");
  EXPECT_EQ(socket.ReadLine(), "synced s accepted=1 duplicates=0 rejected=0");
}

TEST_F(IngestTest, AnAuthDoesNotResetTheCounts) {
  TestSocket socket(server_->ingest_address());
  socket.Send(Click("a", "1") + "#auth secret\n" + Click("a", "2") + "#sync s\n");
  EXPECT_EQ(socket.ReadLine(), "ok");
  EXPECT_EQ(socket.ReadLine(), "synced s accepted=2 duplicates=0 rejected=0");
}

TEST_F(IngestTest, ABadTokenIsAnErrorAndTheEnd) {
  TestSocket socket(server_->ingest_address());
  socket.Send("#sync " + std::string(65, 'x') + "\n#sync after\n");
  std::string answer = socket.ReadAll();
  EXPECT_TRUE(answer.starts_with("error ? ")) << answer;
  EXPECT_EQ(answer.find("after"), std::string::npos) << answer;
}

TEST_F(IngestTest, LinesWithoutASyncAreCommittedAllTheSame) {
  {
    TestSocket socket(server_->ingest_address());
    socket.Send(Click("a", "1") + Click("a", "2"));
  }
  StopServer();
  StartServer();
  EXPECT_EQ(Clicks("a"), 2);
}

TEST_F(IngestTest, AnUnfinishedLastLineIsRejectedAsTruncated) {
  TestSocket socket(server_->ingest_address());
  socket.Send(Click("a", "1") + "click,ad_id=a event_id=\"2\" 1609459201000000000");
  socket.EndSending();
  EXPECT_EQ(socket.ReadAll(), "");
  std::string metrics = Get("/metrics").body;
  EXPECT_NE(metrics.find("tallymark_ingest_rejected_total{reason=\"truncated\"} 1\n"), std::string::npos);
  EXPECT_EQ(SendAndSync(Click("a", "1") + Click("a", "2")), "synced t accepted=1 duplicates=1 rejected=0");
}

TEST_F(IngestTest, LineEndsOfEveryKindAndStrayQuotes) {
  std::string lines =
      "click,ad_id=a event_id=\"1\" 1609459201000000000\r\n"
      "click,ad_id=a event_id=\"2 1609459201000000000\n" +
      Click("a", "3");
  EXPECT_EQ(SendAndSync(lines), "synced t accepted=2 duplicates=0 rejected=1");
}

TEST_F(IngestTest, ByteByByteIsTheSameStream) {
  std::string stream =
      Click("a", "1") + "bad\n" + Click("a", "2") + "#auth x\n" + Click("a", "1") + "#sync t\n";
  TestSocket socket(server_->ingest_address());
  for (char c : stream) ASSERT_TRUE(socket.Send(std::string_view(&c, 1)));
  EXPECT_EQ(socket.ReadLine(), "ok");
  EXPECT_EQ(socket.ReadLine(), "synced t accepted=2 duplicates=1 rejected=1");
}

TEST_F(IngestTest, RandomSegmentsOfManyLinesAreTheSameStream) {
  std::mt19937_64 random(TestSeed());
  std::string stream;
  int accepted = 0;
  int rejected = 0;
  std::string expected;
  for (int i = 0; i < 30'000; ++i) {
    if (random() % 50 == 0) {
      stream += "no event at all\n";
      ++rejected;
    } else {
      stream += Click("ad" + std::to_string(random() % 20), std::to_string(i), 1609459200000 + i);
      ++accepted;
    }
    if (random() % 3'000 != 0 && i != 29'999) continue;
    stream += "#sync s" + std::to_string(i) + "\n";
    expected += "synced s" + std::to_string(i) + " accepted=" + std::to_string(std::exchange(accepted, 0)) +
                " duplicates=0 rejected=" + std::to_string(std::exchange(rejected, 0)) + "\n";
  }
  TestSocket socket(server_->ingest_address());
  std::string_view rest = stream;
  while (!rest.empty()) {
    size_t size = std::min<size_t>(rest.size(), 1 + random() % (random() % 4 == 0 ? 300'000 : 2'000));
    ASSERT_TRUE(socket.Send(rest.substr(0, size)));
    rest.remove_prefix(size);
  }
  socket.EndSending();
  EXPECT_EQ(socket.ReadAll(), expected);
}

TEST_F(IngestTest, ManyConnectionsAddUp) {
  constexpr int kConnections = 40;
  constexpr int kLines = 300;
  std::vector<std::thread> senders;
  std::atomic<int> right{0};
  for (int c = 0; c < kConnections; ++c) {
    senders.emplace_back([&, c] {
      std::string lines;
      for (int i = 0; i < kLines; ++i) lines += Click("a", std::to_string(c) + "-" + std::to_string(i));
      if (SendAndSync(lines) == "synced t accepted=300 duplicates=0 rejected=0") ++right;
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(right, kConnections);
  EXPECT_EQ(Clicks("a"), kConnections * kLines);
}

TEST_F(IngestTest, OverlongLinesAreRejectedAndTheOthersGoOn) {
  std::string long_line = "click,ad_id=a user_id=\"" + std::string(3 * kMaxLineBytes, 'u') + "\"\n";
  EXPECT_EQ(SendAndSync(Click("a", "1") + long_line + Click("a", "2") + long_line + long_line),
            "synced t accepted=2 duplicates=0 rejected=3");
  std::string metrics = Get("/metrics").body;
  EXPECT_NE(metrics.find("tallymark_ingest_rejected_total{reason=\"line_too_long\"} 3\n"), std::string::npos);
}

TEST_F(IngestTest, AnHttpRequestIsToldTheRightPort) {
  TestSocket socket(server_->ingest_address());
  socket.Send("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string answer = socket.ReadAll();
  EXPECT_NE(answer.find(server_->http_address()), std::string::npos) << answer;
  EXPECT_EQ(answer.find('\n'), answer.size() - 1);
}

TEST_F(IngestTest, ATlsHandshakeIsToldTheRightPort) {
  TestSocket socket(server_->ingest_address());
  socket.Send(std::string("\x16\x03\x01\x00\xf4\x01\x00", 7));
  std::string answer = socket.ReadAll();
  EXPECT_NE(answer.find(server_->http_address()), std::string::npos) << answer;
}

TEST_F(IngestTest, AClientThatOnlyConnectsIsNoTrouble) {
  { TestSocket socket(server_->ingest_address()); }
  TestSocket idle(server_->ingest_address());
  EXPECT_EQ(SendAndSync(Click("a", "1")), "synced t accepted=1 duplicates=0 rejected=0");
}

TEST_F(IngestTest, StoppingAnswersWhatWasRead) {
  TestSocket socket(server_->ingest_address());
  socket.Send(Click("a", "1") + "#sync t\n");
  EXPECT_EQ(socket.ReadLine(), "synced t accepted=1 duplicates=0 rejected=0");
  socket.Send("click,ad_id=a event_id=\"unfinished");
  StopServer();
  EXPECT_EQ(socket.ReadAll(), "");
  StartServer();
  EXPECT_EQ(Clicks("a"), 1);
}

TEST_F(IngestTest, RejectedLinesAreKept) {
  SendAndSync("nonsense \xFF\n" + Click("a", "1"));
  StopServer();
  std::string path = directory_ + "/data/rejected/" + "rejected-00000001.jsonl";
  EXPECT_GT(std::filesystem::file_size(path), 0U);
  StartServer();
}

// A budget so small that every chunk waits for the one before.
class SmallBudgetTest : public IngestTest {
 protected:
  void Configure(ServerOptions* options) override { options->ingest_budget_bytes = 32 << 10; }
};

TEST_F(SmallBudgetTest, ASlowEngineSlowsTheSenderAndDropsNothing) {
  constexpr int kLines = 20'000;
  std::vector<std::thread> senders;
  std::atomic<int> right{0};
  for (int c = 0; c < 3; ++c) {
    senders.emplace_back([&, c] {
      std::string lines;
      for (int i = 0; i < kLines; ++i) lines += Click("a", std::to_string(c) + "-" + std::to_string(i));
      if (SendAndSync(lines) == "synced t accepted=20000 duplicates=0 rejected=0") ++right;
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(right, 3);
  std::string metrics = Get("/metrics").body;
  EXPECT_NE(metrics.find("tallymark_ingest_unanswered_bytes 0\n"), std::string::npos);
}

TEST_F(SmallBudgetTest, AClientThatReadsNoAnswersIsReadNoFurther) {
  TestSocket greedy(server_->ingest_address());
  timeval patience = {.tv_sec = 1, .tv_usec = 0};
  setsockopt(greedy.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  std::string syncs;
  for (int i = 0; i < 100'000; ++i) syncs += "#sync " + std::string(60, 'x') + "\n";
  bool blocked = false;
  for (int i = 0; i < 20 && !blocked; ++i) blocked = !greedy.Send(syncs);
  EXPECT_TRUE(blocked);
  EXPECT_EQ(SendAndSync(Click("a", "1")), "synced t accepted=1 duplicates=0 rejected=0");
}

}  // namespace
}  // namespace tallymark
