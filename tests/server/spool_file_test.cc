#include "server/spool_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/import_task.h"
#include "server/mapped_file.h"

namespace tallymark {
namespace {

namespace fs = std::filesystem;

class SpoolFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tallymark-spool-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::unique_ptr<SpoolFile> Create(uint64_t bytes_max, uint64_t floor = 0) {
    auto file = SpoolFile::Create(directory_, "one", {bytes_max, floor});
    EXPECT_TRUE(file.ok()) << file.status().message();
    return file.ok() ? std::move(*file) : nullptr;
  }

  std::string directory_;
};

TEST_F(SpoolFileTest, WhatIsKeptIsThereWithItsHash) {
  auto file = Create(100);
  ASSERT_TRUE(file->Write("ab").ok());
  ASSERT_TRUE(file->Write("c").ok());
  ASSERT_TRUE(file->Finish().ok());
  EXPECT_EQ(HexOf(file->hash()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(file->size(), 3u);
  EXPECT_EQ(file->beginning(), "abc");
  ASSERT_TRUE(file->Keep().ok());
  file.reset();
  auto mapped = MappedFile::Open(directory_ + "/one.body");
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ((*mapped)->bytes(), "abc");
}

TEST_F(SpoolFileTest, WhatIsNotKeptGoes) {
  auto file = Create(100);
  ASSERT_TRUE(file->Write("abc").ok());
  EXPECT_FALSE(fs::is_empty(directory_));
  file.reset();
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(SpoolFileTest, BoundsAreKept) {
  auto file = Create(3);
  ASSERT_TRUE(file->Write("abc").ok());
  EXPECT_EQ(file->Write("d").code(), Code::kExhausted);
  file.reset();
  EXPECT_EQ(Create(3, UINT64_MAX / 2)->Write("a").code(), Code::kUnavailable);
}

TEST_F(SpoolFileTest, AMappedFileCanBeReadAgainBehindWhatWasReleased) {
  std::string bytes;
  for (int i = 0; bytes.size() < (20 << 20); ++i) bytes += std::to_string(i) + "\n";
  std::ofstream(directory_ + "/big", std::ios::binary) << bytes;
  auto file = MappedFile::Open(directory_ + "/big");
  ASSERT_TRUE(file.ok());
  for (size_t position = 0; position < bytes.size(); position += 1 << 20) (*file)->Release(position);
  EXPECT_TRUE((*file)->bytes() == bytes);
  (*file)->Release(1 << 20);
  EXPECT_TRUE((*file)->bytes() == bytes);
}

TEST_F(SpoolFileTest, AMissingFileIsNotFoundAndAnEmptyOneIsEmpty) {
  EXPECT_EQ(MappedFile::Open(directory_ + "/none").status().code(), Code::kNotFound);
  const std::ofstream empty(directory_ + "/empty");
  auto file = MappedFile::Open(directory_ + "/empty");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->bytes(), "");
}

}  // namespace
}  // namespace tallymark
