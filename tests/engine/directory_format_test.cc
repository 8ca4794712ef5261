#include "engine/directory_format.h"

#include <filesystem>
#include <fstream>

#include "engine/file_names.h"
#include "tests/engine/test_events.h"

namespace tallymark {
namespace {

class FormatFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) const { std::ofstream(FormatPath(directory_.path())) << text; }
  Result<int> Read() const { return ReadFormatFile(directory_.path()); }
  TempDirectory directory_;
};

TEST_F(FormatFileTest, ItsTextStaysAsItIs) {
  ASSERT_TRUE(WriteFormatFile(directory_.path(), 2).ok());
  std::ifstream in(directory_.path() + "/FORMAT");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_EQ(text, "tallymark 2\n");
}

TEST_F(FormatFileTest, AnAbsentFileIsVersionZero) { EXPECT_EQ(*Read(), 0); }

TEST_F(FormatFileTest, TheNewerTextReplacesTheOlder) {
  ASSERT_TRUE(WriteFormatFile(directory_.path(), 1'000'000).ok());
  EXPECT_EQ(*Read(), 1'000'000);
  ASSERT_TRUE(WriteFormatFile(directory_.path(), 3).ok());
  EXPECT_EQ(*Read(), 3);
  const std::filesystem::directory_iterator files(directory_.path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 1) << "nothing is left beside it";
}

TEST_F(FormatFileTest, LaterLinesAreLeftToLaterVersions) {
  Write("tallymark 7\nanything\n");
  EXPECT_EQ(*Read(), 7);
}

TEST_F(FormatFileTest, AnythingElseIsCorruption) {
  const std::string whole = "tallymark 12\n";
  for (size_t size = 0; size < whole.size(); ++size) {
    Write(whole.substr(0, size));
    EXPECT_EQ(Read().status().code(), Code::kCorruption) << size;
  }
  for (const char* text :
       {"tallymark 0\n", "tallymark -1\n", "tallymark 1 \n", "tallymark 99999999999\n", "Tallymark 1\n"}) {
    Write(text);
    EXPECT_EQ(Read().status().code(), Code::kCorruption) << text;
  }
}

TEST_F(FormatFileTest, WhatCannotBeWrittenIsAnErrorThatNamesIt) {
  const Status status = WriteFormatFile(directory_.path() + "/absent", 2);
  EXPECT_EQ(status.code(), Code::kIo);
  EXPECT_NE(status.message().find("absent/FORMAT"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace tallymark
