#include "tools/dead_letter_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tallymark {
namespace {

class DeadLetterFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/dead-letters-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    data_dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(data_dir_); }

  void AddFile(uint32_t number, const std::vector<std::string>& reasons, const std::string& tail) {
    std::filesystem::path directory = data_dir_ / kDeadLetterDirectory;
    std::filesystem::create_directories(directory);
    std::string text;
    for (const std::string& reason : reasons) {
      DeadLetter letter;
      letter.reason = reason;
      EncodeDeadLetter(letter, &text);
    }
    std::ofstream(directory / DeadLetterFileName(number)) << text << tail;
  }

  std::vector<std::string> Reasons(uint64_t* damaged) {
    std::vector<std::string> reasons;
    Status s = ForEachDeadLetter(
        data_dir_.string(),
        [&](const DeadLetter& letter) {
          reasons.push_back(letter.reason);
          return true;
        },
        damaged);
    EXPECT_TRUE(s.ok()) << s.message();
    return reasons;
  }

  std::filesystem::path data_dir_;
};

TEST_F(DeadLetterFilesTest, NoDirectoryMeansNoLetters) {
  uint64_t damaged = 7;
  EXPECT_TRUE(Reasons(&damaged).empty());
  EXPECT_EQ(damaged, 0u);
}

TEST_F(DeadLetterFilesTest, FilesAreReadByNumberAndTornRecordsPassedOver) {
  AddFile(10, {"c", "d"}, "{\"time\":\"1");
  AddFile(9, {"a", "b"}, "");
  std::ofstream(data_dir_ / kDeadLetterDirectory / "notes.txt") << "not a letter\n";
  uint64_t damaged = 0;
  EXPECT_EQ(Reasons(&damaged), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(damaged, 1u);
}

TEST_F(DeadLetterFilesTest, ReaderMayStopEarly) {
  AddFile(1, {"a", "b"}, "");
  uint64_t damaged = 0;
  int seen = 0;
  Status s = ForEachDeadLetter(
      data_dir_.string(), [&](const DeadLetter&) { return ++seen < 1; }, &damaged);
  EXPECT_TRUE(s.ok());
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace tallymark
