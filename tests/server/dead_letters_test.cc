#include "server/dead_letters.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace tallymark {
namespace {

class DeadLettersTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "tallymark-letters-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<DeadLetters> Open(const DeadLetterOptions& options = {}) {
    auto opened = DeadLetters::Open(directory_, options);
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    return std::move(opened).value();
  }
  std::string PathOf(uint32_t number) const {
    return directory_ + "/" + std::string(kDeadLetterDirectory) + "/" + DeadLetterFileName(number);
  }
  std::vector<DeadLetter> Read(uint32_t number) const {
    std::ifstream file(PathOf(number));
    std::vector<DeadLetter> letters;
    for (std::string line; std::getline(file, line);) {
      DeadLetter letter;
      if (DecodeDeadLetter(line, &letter).ok()) letters.push_back(letter);
    }
    return letters;
  }
  static DeadLetter Letter(const std::string& text) {
    return {.time_ns = 5, .reason = "parse", .detail = "d", .source = "tcp x", .text = text};
  }

  std::string directory_;
};

TEST_F(DeadLettersTest, WhatWasFlushedCanBeRead) {
  auto letters = Open();
  letters->Add(Letter("one"));
  letters->Add(Letter("two \xFF"));
  letters->Flush();
  EXPECT_EQ(Read(1), (std::vector<DeadLetter>{Letter("one"), Letter("two \xFF")}));
}

TEST_F(DeadLettersTest, SyncSaysWhetherTheDiskHasThem) {
  auto letters = Open();
  letters->Add(Letter("one"));
  EXPECT_TRUE(letters->Sync());
  EXPECT_EQ(Read(1), (std::vector<DeadLetter>{Letter("one")}));
  EXPECT_TRUE(letters->Sync()) << "nothing to write is on the disk already";
  // From here on files may not grow.
  struct rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  letters->Add(Letter("two"));
  EXPECT_FALSE(letters->Sync());
  EXPECT_EQ(letters->dropped(), 1U);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  letters->Add(Letter("three"));
  EXPECT_TRUE(letters->Sync());
  EXPECT_EQ(Read(1), (std::vector<DeadLetter>{Letter("one"), Letter("three")}));
}

TEST_F(DeadLettersTest, EverythingIsWrittenAtTheEnd) {
  Open()->Add(Letter("one"));
  EXPECT_EQ(Read(1).size(), 1U);
}

TEST_F(DeadLettersTest, GoesOnInTheNewestFile) {
  Open()->Add(Letter("one"));
  Open()->Add(Letter("two"));
  EXPECT_EQ(Read(1).size(), 2U);
}

TEST_F(DeadLettersTest, ATornRecordDoesNotSpoilTheNext) {
  Open()->Add(Letter("one"));
  std::ofstream(PathOf(1), std::ios::app) << R"({"time":"7","rea)";
  Open()->Add(Letter("two"));
  EXPECT_EQ(Read(1), (std::vector<DeadLetter>{Letter("one"), Letter("two")}));
}

TEST_F(DeadLettersTest, FilesRotateAndTheOldestGo) {
  auto letters = Open({.file_bytes_max = 1'000, .files_max = 3});
  for (int i = 0; i < 10; ++i) {
    letters->Add(Letter(std::string(1'000, static_cast<char>('a' + i))));
    letters->Flush();
  }
  EXPECT_FALSE(std::filesystem::exists(PathOf(7)));
  for (uint32_t number : {8U, 9U, 10U}) EXPECT_EQ(Read(number).size(), 1U) << number;
  EXPECT_EQ(Read(10)[0].text[0], 'j');
  EXPECT_EQ(letters->dropped(), 0U);
}

}  // namespace
}  // namespace tallymark
