#include "engine/log_file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/engine/test_events.h"

namespace tallymark {
namespace {

constexpr size_t kPage = 4096;

// Bytes of the file that the page cache holds.
size_t CachedBytes(const std::string& path) {
  const size_t size = std::filesystem::file_size(path);
  const int fd = open(path.c_str(), O_RDONLY);
  void* const mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) return SIZE_MAX;
  std::vector<unsigned char> pages((size + kPage - 1) / kPage);
  EXPECT_EQ(mincore(mapped, size, pages.data()), 0);
  munmap(mapped, size);
  return static_cast<size_t>(std::ranges::count_if(pages, [](unsigned char p) { return (p & 1) != 0; })) *
         kPage;
}

class LogFileSystemTest : public ::testing::Test {
 protected:
  // Writes 64 MiB in pieces of 64 KiB, syncs after each fourth, and leaves the file open.
  std::unique_ptr<rocksdb::FSWritableFile> Write(const std::string& name) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(files_.NewWritableFile(Path(name), {}, &file, nullptr).ok());
    for (int i = 0; i < 1024; ++i) {
      const std::string piece(64 << 10, static_cast<char>('a' + i % 26));
      EXPECT_TRUE(file->Append(piece, {}, nullptr).ok());
      if (i % 4 == 3) {
        EXPECT_TRUE(file->Sync({}, nullptr).ok());
      }
    }
    return file;
  }
  // Whether this file system lets go of pages that it is asked to let go of; one in memory does not.
  bool CanDrop() {
    const auto file = Write("other");
    EXPECT_TRUE(file->InvalidateCache(0, 0).ok());
    return CachedBytes(Path("other")) < kBytes / 2;
  }
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

  static constexpr size_t kBytes = size_t{64} << 20;
  TempDirectory directory_;
  LogFileSystem files_{rocksdb::FileSystem::Default()};
};

TEST_F(LogFileSystemTest, ALogThatWasSyncedLeavesThePageCacheAndStaysWhole) {
  if (!CanDrop()) GTEST_SKIP() << "SKIPPED: this file system keeps its pages";
  const auto file = Write("000001.log");
  EXPECT_LE(CachedBytes(Path("000001.log")), 4 * LogFileSystem::kKeptBytes);
  ASSERT_TRUE(file->Close({}, nullptr).ok());
  std::string bytes;
  ASSERT_TRUE(rocksdb::ReadFileToString(&files_, Path("000001.log"), &bytes).ok());
  ASSERT_EQ(bytes.size(), kBytes);
  for (size_t i = 0; i < kBytes; i += kPage) ASSERT_EQ(bytes[i], 'a' + static_cast<char>((i >> 16) % 26));
}

TEST_F(LogFileSystemTest, OtherFilesStay) {
  const auto file = Write("000002.sst");
  EXPECT_GE(CachedBytes(Path("000002.sst")), kBytes / 2);
}

}  // namespace
}  // namespace tallymark
