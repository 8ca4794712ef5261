#include "engine/storage.h"

#include <filesystem>
#include <fstream>
#include <map>

#include "engine/file_names.h"
#include "engine/meta_keys.h"
#include "tests/engine/test_storage.h"

namespace tallymark {
namespace {

class StorageTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Storage>> Open(bool read_only = false, bool beside_owner = false) {
    StorageOptions options;
    options.data_dir = directory_.path() + "/data";
    options.read_only = read_only;
    options.beside_owner = beside_owner;
    return Storage::Open(options, std::make_shared<RetentionPositions>());
  }
  std::unique_ptr<Storage> MustOpen(bool read_only = false, bool beside_owner = false) {
    Result<std::unique_ptr<Storage>> storage = Open(read_only, beside_owner);
    EXPECT_TRUE(storage.ok()) << storage.status().message();
    return storage.ok() ? std::move(*storage) : nullptr;
  }
  static void Put(Storage* storage, const std::string& key, const std::string& value) {
    rocksdb::WriteOptions sync;
    sync.sync = true;
    ASSERT_TRUE(storage->db()->Put(sync, storage->handle(Family::kMeta), key, value).ok());
  }
  // A sorted file with these keys, each its own value.
  static IngestFile FileOf(Storage* storage, Family family, const std::vector<std::string>& keys) {
    IngestFile file{family, storage->ScratchPath("test")};
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), storage->OptionsFor(family));
    EXPECT_TRUE(writer.Open(file.path).ok());
    for (const std::string& key : keys) EXPECT_TRUE(writer.Put(key, key).ok());
    EXPECT_TRUE(writer.Finish().ok());
    return file;
  }
  // Every file under the directory with its size and time of change.
  std::map<std::string, std::pair<uintmax_t, std::filesystem::file_time_type>> Files() const {
    std::map<std::string, std::pair<uintmax_t, std::filesystem::file_time_type>> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
      if (entry.is_regular_file())
        files[entry.path().string()] = {entry.file_size(), entry.last_write_time()};
    }
    return files;
  }
  TempDirectory directory_;
};

TEST_F(StorageTest, AFreshDirectoryGetsTheFormatVersion) {
  std::unique_ptr<Storage> storage = MustOpen();
  EXPECT_EQ(*storage->Get(Family::kMeta, kMetaFormatVersion), "1");
}

TEST_F(StorageTest, WhatWasWrittenIsThereWhenItIsOpenedAgain) {
  Put(MustOpen().get(), "k", "v");
  EXPECT_EQ(*MustOpen()->Get(Family::kMeta, "k"), "v");
}

TEST_F(StorageTest, AnAbsentKeyIsNotFound) {
  EXPECT_EQ(MustOpen()->Get(Family::kMeta, "k").status().code(), Code::kNotFound);
}

TEST_F(StorageTest, ASecondOwnerIsRefusedAndHarmsNothing) {
  std::unique_ptr<Storage> storage = MustOpen();
  IngestFile on_its_way = FileOf(storage.get(), Family::kAds, {"a"});
  EXPECT_EQ(Open().status().code(), Code::kConflict);
  EXPECT_TRUE(std::filesystem::exists(on_its_way.path)) << "the owner's scratch files are the owner's";
  EXPECT_TRUE(storage->Ingest({on_its_way}).ok());
  storage.reset();
  EXPECT_TRUE(Open().ok()) << "free again";
}

TEST_F(StorageTest, ANewerFormatIsRefusedAndNamed) {
  Put(MustOpen().get(), std::string(kMetaFormatVersion), "2");
  for (bool read_only : {false, true}) {
    Result<std::unique_ptr<Storage>> storage = Open(read_only);
    ASSERT_FALSE(storage.ok());
    EXPECT_EQ(storage.status().code(), Code::kInvalid);
    EXPECT_NE(storage.status().message().find("format version 2"), std::string::npos)
        << storage.status().message();
  }
}

TEST_F(StorageTest, AnUnreadableFormatVersionIsCorruption) {
  for (const char* version : {"", "one", "1x"}) {
    Put(MustOpen().get(), std::string(kMetaFormatVersion), version);
    EXPECT_EQ(Open().status().code(), Code::kCorruption) << version;
    std::filesystem::remove_all(directory_.path() + "/data");
  }
}

TEST_F(StorageTest, ReadersCreateNothing) {
  EXPECT_EQ(Open(true).status().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/data"));
}

TEST_F(StorageTest, AReaderSeesTheDataAndChangesNoFile) {
  Put(MustOpen().get(), "k", "v");
  const auto before = Files();
  std::unique_ptr<Storage> reader = MustOpen(true);
  EXPECT_EQ(*reader->Get(Family::kMeta, "k"), "v");
  EXPECT_FALSE(reader->db()->Put(rocksdb::WriteOptions(), reader->handle(Family::kMeta), "a", "b").ok());
  reader.reset();
  EXPECT_EQ(Files(), before);
}

TEST_F(StorageTest, AReaderBesideTheOwnerSeesWhatWasDurableWhenItOpened) {
  std::unique_ptr<Storage> owner = MustOpen();
  Put(owner.get(), "k", "1");
  std::unique_ptr<Storage> reader = MustOpen(true, true);
  ASSERT_TRUE(reader);
  Put(owner.get(), "k", "2");
  EXPECT_EQ(*reader->Get(Family::kMeta, "k"), "1");
  EXPECT_EQ(*owner->Get(Family::kMeta, "k"), "2");
}

TEST_F(StorageTest, ScratchPathsAreFreshAndEmptiedAtOpen) {
  std::unique_ptr<Storage> storage = MustOpen();
  const std::string first = storage->ScratchPath("x");
  EXPECT_NE(first, storage->ScratchPath("x"));
  EXPECT_TRUE(first.starts_with(ScratchDirectory(storage->data_dir())));
  std::ofstream(first) << "left by a crash";
  storage.reset();
  storage = MustOpen();
  EXPECT_FALSE(std::filesystem::exists(first));
  EXPECT_TRUE(std::filesystem::is_directory(ScratchDirectory(storage->data_dir())));
}

TEST_F(StorageTest, FilesOfSeveralFamiliesAreIngestedTogetherAndSurvive) {
  std::unique_ptr<Storage> storage = MustOpen();
  ASSERT_TRUE(storage->Ingest({}).ok());
  const std::vector<IngestFile> files = {FileOf(storage.get(), Family::kIdentities, {"a", "b"}),
                                         FileOf(storage.get(), Family::kPositions, {"p"}),
                                         FileOf(storage.get(), Family::kIdentities, {"c", "d"})};
  ASSERT_TRUE(storage->Ingest(files).ok());
  for (const IngestFile& file : files)
    EXPECT_FALSE(std::filesystem::exists(file.path)) << "moved, not copied";
  storage.reset();
  storage = MustOpen();
  EXPECT_EQ(*storage->Get(Family::kIdentities, "d"), "d");
  EXPECT_EQ(*storage->Get(Family::kPositions, "p"), "p");
}

TEST_F(StorageTest, AFileThatIsMissingKeepsAllOthersOut) {
  std::unique_ptr<Storage> storage = MustOpen();
  std::vector<IngestFile> files = {FileOf(storage.get(), Family::kIdentities, {"a"}),
                                   {Family::kPositions, storage->ScratchPath("never written")}};
  EXPECT_FALSE(storage->Ingest(files).ok());
  EXPECT_EQ(storage->Get(Family::kIdentities, "a").status().code(), Code::kNotFound);
}

TEST_F(StorageTest, ReadersLoseNothingToADamagedLockFile) {
  Put(MustOpen().get(), "k", "v");
  std::ofstream(LockPath(directory_.path() + "/data")) << "anything";
  EXPECT_EQ(*MustOpen(true)->Get(Family::kMeta, "k"), "v");
}

TEST(FromRocksTest, StatusesKeepTheirMeaning) {
  EXPECT_TRUE(FromRocks(rocksdb::Status::OK(), "x").ok());
  EXPECT_EQ(FromRocks(rocksdb::Status::NotFound(), "x").code(), Code::kNotFound);
  EXPECT_EQ(FromRocks(rocksdb::Status::Corruption("bad"), "x").code(), Code::kCorruption);
  EXPECT_EQ(FromRocks(rocksdb::Status::InvalidArgument("bad"), "x").code(), Code::kInternal);
  EXPECT_EQ(FromRocks(rocksdb::Status::IOError("disk"), "read it").code(), Code::kIo);
  EXPECT_EQ(FromRocks(rocksdb::Status::IOError("disk"), "read it").message().find("read it: "), 0U);
  EXPECT_EQ(FromRocks(rocksdb::Status::NoSpace("disk"), "x").code(), Code::kIo);
}

}  // namespace
}  // namespace tallymark
