#include "server/drop_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "tests/server/test_server.h"

namespace tallymark {
namespace {

namespace fs = std::filesystem;

class DropFolderTest : public ServerTest {
 protected:
  void Configure(ServerOptions* options) override {
    folder_ = directory_ + "/spool";
    options->spool_dir = folder_;
  }
  void Drop(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }
  static std::string Read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  // Waits until the file is there.
  bool Comes(const std::string& name) {
    for (int i = 0; i < 6'000; ++i) {
      if (fs::exists(folder_ + "/" + name)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  std::string folder_;
};

TEST_F(DropFolderTest, AFileIsLoadedByTheMappingBesideIt) {
  Drop("clicks.csv.json",
       R"({"kind":"click","map":{"ad_id":"{campaign}:{banner}","time":"at"},"set":["country=USA"]})");
  Drop("clicks.csv", "campaign,banner,at\n1,7,1609459201\n1,7,1609459202\n1,7,1609459201\n");
  ASSERT_TRUE(Comes("done/clicks.csv"));
  ASSERT_TRUE(Comes("done/clicks.csv.json"));
  EXPECT_EQ(Clicks("1:7"), 2);
  boost::json::value report = boost::json::parse(Read(folder_ + "/done/clicks.csv.report.json"));
  EXPECT_EQ(report.at("rows").as_int64(), 3);
  EXPECT_EQ(report.at("duplicates").as_int64(), 1);
  EXPECT_FALSE(fs::exists(folder_ + "/clicks.csv"));
  EXPECT_FALSE(fs::exists(folder_ + "/loading/clicks.csv"));
}

TEST_F(DropFolderTest, WithoutAMappingOfItsOwnTheDefaultHolds) {
  Drop("default.json", R"({"kind":"click","map":"ad_id:ad"})");
  Drop("one.tsv", "ad\ttime\na\t1609459201\n");
  Drop("two.csv", "ad,time\nb,1609459201\n");
  ASSERT_TRUE(Comes("done/one.tsv"));
  ASSERT_TRUE(Comes("done/two.csv"));
  EXPECT_EQ(Clicks("a"), 1);
  EXPECT_EQ(Clicks("b"), 1);
  EXPECT_TRUE(fs::exists(folder_ + "/default.json"));
}

TEST_F(DropFolderTest, WhatCannotBeLoadedIsSetAsideWithTheReason) {
  Drop("bad.csv", "event,ad_id,time\nclick,a,1609459201\nclick,a,soon\n");
  Drop("mapped.json", R"({"kinds":"click"})");
  Drop("mapped.csv", "ad_id,time\na,1609459201\n");
  ASSERT_TRUE(Comes("failed/bad.csv"));
  ASSERT_TRUE(Comes("failed/mapped.csv"));
  EXPECT_TRUE(
      Read(folder_ + "/failed/bad.csv.reason.txt").starts_with("bad.csv: line 3, column 9: not a time"));
  EXPECT_NE(Read(folder_ + "/failed/mapped.csv.reason.txt").find("kinds"), std::string::npos);
  EXPECT_EQ(Clicks("a"), 0);
}

TEST_F(DropFolderTest, TheSameNameAgainIsRefused) {
  Drop("a.csv", "event,ad_id,time\nclick,a,1609459201\n");
  ASSERT_TRUE(Comes("done/a.csv"));
  Drop("a.csv", "event,ad_id,time\nclick,a,1609459202\n");
  ASSERT_TRUE(Comes("failed/a.csv"));
  EXPECT_NE(Read(folder_ + "/failed/a.csv.reason.txt").find("was loaded before"), std::string::npos);
  EXPECT_EQ(Clicks("a"), 1);
}

TEST_F(DropFolderTest, AFileThatStillGrowsIsLeftAlone) {
  Drop("a.csv", "event,ad_id,time\nclick,a,1609459201\n");
  std::ofstream more(folder_ + "/a.csv", std::ios::binary | std::ios::app);
  const auto until = std::chrono::steady_clock::now() + DropFolder::kQuietTime + std::chrono::seconds(1);
  for (int i = 0; std::chrono::steady_clock::now() < until; ++i) {
    more << "click,b,160945" << 9300 + i << "\n" << std::flush;
    ASSERT_TRUE(fs::exists(folder_ + "/a.csv"));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  more.close();
  ASSERT_TRUE(Comes("done/a.csv"));
  EXPECT_EQ(Clicks("a"), 1);
  EXPECT_GT(Clicks("b"), 5);
}

TEST_F(DropFolderTest, WhatIsNoTableStays) {
  Drop(".hidden.csv", "event,ad_id,time\n");
  Drop("notes.txt", "hello");
  Drop("a.csv", "event,ad_id,time\nclick,a,1609459201\n");
  ASSERT_TRUE(Comes("done/a.csv"));
  EXPECT_TRUE(fs::exists(folder_ + "/.hidden.csv"));
  EXPECT_TRUE(fs::exists(folder_ + "/notes.txt"));
}

TEST_F(DropFolderTest, WhatACrashLeftIsFinished) {
  Drop("a.csv", "event,ad_id,time\nclick,a,1609459201\n");
  ASSERT_TRUE(Comes("done/a.csv"));
  StopServer();
  // As if the crash had come before the loaded file was moved, and after another was taken.
  fs::rename(folder_ + "/done/a.csv", folder_ + "/loading/a.csv");
  std::ofstream(folder_ + "/loading/b.csv") << "event,ad_id,time\nclick,b,1609459201\n";
  std::ofstream(folder_ + "/loading/c.csv.json") << R"({"kind":"click"})";
  StartServer();
  ASSERT_TRUE(Comes("done/a.csv"));
  ASSERT_TRUE(Comes("done/b.csv"));
  EXPECT_EQ(Clicks("a"), 1);
  EXPECT_EQ(Clicks("b"), 1);
  EXPECT_TRUE(fs::exists(folder_ + "/failed/c.csv.json"));
}

}  // namespace
}  // namespace tallymark
