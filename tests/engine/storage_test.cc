#include "engine/storage.h"

#include <filesystem>
#include <fstream>
#include <map>

#include "engine/directory_format.h"
#include "engine/file_names.h"
#include "engine/meta_keys.h"
#include "tests/engine/test_storage.h"

namespace tallymark {
namespace {

class StorageTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Storage>> Open(bool read_only = false, bool beside_owner = false) {
    StorageOptions options;
    options.data_dir = Data();
    options.read_only = read_only;
    options.beside_owner = beside_owner;
    return Storage::Open(options, std::make_shared<RetentionPositions>());
  }
  std::unique_ptr<Storage> MustOpen(bool read_only = false, bool beside_owner = false) {
    Result<std::unique_ptr<Storage>> storage = Open(read_only, beside_owner);
    EXPECT_TRUE(storage.ok()) << storage.status().message();
    return storage.ok() ? std::move(*storage) : nullptr;
  }
  void ExpectRefused(bool read_only, const std::string& named) {
    const Status refused = Open(read_only).status();
    EXPECT_EQ(refused.code(), Code::kInvalid);
    EXPECT_NE(refused.message().find(named), std::string::npos) << refused.message();
    EXPECT_NE(refused.message().find("use the newer program"), std::string::npos) << refused.message();
  }
  // A directory as version 1 made it, were these its families: no FORMAT, the version in `meta`.
  void MakeOlder(const std::vector<std::string>& families) {
    std::filesystem::create_directories(DatabasePath(Data()));
    rocksdb::DBOptions options;
    options.create_if_missing = options.create_missing_column_families = true;
    std::vector<rocksdb::ColumnFamilyDescriptor> wanted;
    for (const std::string& name : families) wanted.emplace_back(name, rocksdb::ColumnFamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, DatabasePath(Data()), wanted, &handles, &db).ok());
    EXPECT_TRUE(db->Put({}, handles[1], ToSlice(kMetaFormatVersion), "1").ok());
    EXPECT_TRUE(db->Put({}, handles[1], "k", "v").ok());
    for (rocksdb::ColumnFamilyHandle* handle : handles)
      EXPECT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
    delete db;
  }
  // Changes one byte in the middle of RocksDB's newest log.
  void DamageLog() {
    std::filesystem::path newest;
    for (const auto& entry : std::filesystem::directory_iterator(DatabasePath(Data()))) {
      if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
    }
    std::fstream file(newest, std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(newest) / 2);
    file.seekg(middle);
    const int byte = file.get();
    file.seekp(middle);
    file.put(static_cast<char>(byte ^ 1));
    ASSERT_TRUE(file.good());
  }
  static void Put(Storage* storage, const std::string& key, const std::string& value) {
    rocksdb::WriteOptions sync;
    sync.sync = true;
    ASSERT_TRUE(storage->db()->Put(sync, storage->handle(Family::kMeta), key, value).ok());
  }
  // A sorted file with these keys, each its own value.
  static IngestFile FileOf(Storage* storage, Family family, const std::vector<std::string>& keys) {
    IngestFile file{family, storage->ScratchPath("test")};
    const auto writer = storage->NewFileWriter(family);
    EXPECT_TRUE(writer->Open(file.path).ok());
    for (const std::string& key : keys) EXPECT_TRUE(writer->Put(key, key).ok());
    EXPECT_TRUE(writer->Finish().ok());
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
  std::string Data() const { return directory_.path() + "/data"; }

  TempDirectory directory_;
};

TEST_F(StorageTest, AFreshDirectoryGetsTheFormatVersion) {
  std::unique_ptr<Storage> storage = MustOpen();
  EXPECT_EQ(*storage->Get(Family::kMeta, kMetaFormatVersion), std::to_string(kFormatVersion));
  EXPECT_EQ(*ReadFormatFile(Data()), kFormatVersion);
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

TEST_F(StorageTest, ANewerFormatIsRefusedAndNothingIsTouched) {
  const int newer = kFormatVersion + 1;
  Put(MustOpen().get(), std::string(kMetaFormatVersion), std::to_string(newer));
  ASSERT_TRUE(WriteFormatFile(Data(), newer).ok());
  const auto before = Files();
  for (bool read_only : {false, true}) ExpectRefused(read_only, "format version " + std::to_string(newer));
  EXPECT_EQ(Files(), before);
}

TEST_F(StorageTest, ANewerFormatIsRefusedWithoutItsFileToo) {
  const int newer = kFormatVersion + 1;
  Put(MustOpen().get(), std::string(kMetaFormatVersion), std::to_string(newer));
  std::filesystem::remove(FormatPath(Data()));
  for (bool read_only : {false, true}) ExpectRefused(read_only, "format version " + std::to_string(newer));
}

TEST_F(StorageTest, AFamilyOfANewerProgramIsRefusedAndNothingIsTouched) {
  {
    std::unique_ptr<Storage> storage = MustOpen();
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    ASSERT_TRUE(storage->db()->CreateColumnFamily({}, "from_the_future", &handle).ok());
    ASSERT_TRUE(storage->db()->DestroyColumnFamilyHandle(handle).ok());
  }
  const auto before = Files();
  for (bool read_only : {false, true}) ExpectRefused(read_only, "\"from_the_future\"");
  EXPECT_EQ(Files(), before);
}

TEST_F(StorageTest, AnOlderDirectoryGetsTheFamiliesItLacksAndItsMark) {
  MakeOlder({"default", "meta", "ads"});
  std::unique_ptr<Storage> storage = MustOpen();
  EXPECT_EQ(*ReadFormatFile(Data()), kFormatVersion);
  EXPECT_EQ(storage->format_version(), 1) << "until everything in it is of ours";
  EXPECT_EQ(*storage->Get(Family::kMeta, kMetaFormatVersion), "1");
  ASSERT_TRUE(storage->FinishUpgrade().ok());
  EXPECT_EQ(storage->format_version(), kFormatVersion);
  EXPECT_EQ(*storage->Get(Family::kMeta, kMetaFormatVersion), std::to_string(kFormatVersion));
  EXPECT_EQ(*storage->Get(Family::kMeta, "k"), "v");
  for (int i = 1; i < kFamilyCount; ++i) {
    rocksdb::ColumnFamilyHandle* handle = storage->handle(static_cast<Family>(i));
    EXPECT_EQ(handle->GetName(), FamilyName(static_cast<Family>(i)));
    EXPECT_TRUE(storage->db()->Put({}, handle, "new", "x").ok());
  }
  storage.reset();
  EXPECT_EQ(*MustOpen(true)->Get(Family::kTopHours, "new"), "x");
}

TEST_F(StorageTest, AnUpgradeThatACrashCutShortIsFinishedNextTime) {
  MakeOlder({"default", "meta", "ads"});
  ASSERT_TRUE(WriteFormatFile(Data(), kFormatVersion).ok());
  EXPECT_EQ(MustOpen(true)->format_version(), 1);
  EXPECT_EQ(MustOpen()->format_version(), 1);
  ASSERT_TRUE(MustOpen()->FinishUpgrade().ok());
  EXPECT_EQ(MustOpen()->format_version(), kFormatVersion);
}

TEST_F(StorageTest, ReadersOfAnOlderDirectorySeeItsMissingFamiliesEmptyAndLeaveItAsItIs) {
  MakeOlder({"default", "meta", "ads"});
  const auto before = Files();
  for (bool beside_owner : {false, true}) {
    std::unique_ptr<Storage> reader = MustOpen(true, beside_owner);
    ASSERT_TRUE(reader);
    EXPECT_EQ(*reader->Get(Family::kMeta, "k"), "v");
    EXPECT_EQ(reader->Get(Family::kTopHours, "k").status().code(), Code::kNotFound);
    std::unique_ptr<rocksdb::Iterator> it(reader->db()->NewIterator({}, reader->handle(Family::kRaw)));
    it->SeekToFirst();
    EXPECT_FALSE(it->Valid());
    EXPECT_TRUE(it->status().ok());
  }
  EXPECT_EQ(Files(), before);
}

TEST_F(StorageTest, AnOlderDirectoryInUseIsNotMarked) {
  MakeOlder({"default", "meta"});
  rocksdb::DB* owner = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  ASSERT_TRUE(
      rocksdb::DB::Open({}, DatabasePath(Data()), {{"default", {}}, {"meta", {}}}, &handles, &owner).ok());
  EXPECT_EQ(Open().status().code(), Code::kConflict);
  EXPECT_FALSE(std::filesystem::exists(FormatPath(Data())));
  for (rocksdb::ColumnFamilyHandle* handle : handles)
    EXPECT_TRUE(owner->DestroyColumnFamilyHandle(handle).ok());
  delete owner;
  EXPECT_TRUE(Open().ok());
}

TEST_F(StorageTest, AnUnreadableFormatVersionIsCorruption) {
  for (const char* version : {"", "one", "1x", "0", "-1"}) {
    Put(MustOpen().get(), std::string(kMetaFormatVersion), version);
    EXPECT_EQ(Open().status().code(), Code::kCorruption) << version;
    std::filesystem::remove_all(Data());
  }
}

TEST_F(StorageTest, ReadersCreateNothing) {
  EXPECT_EQ(Open(true).status().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(Data()));
}

TEST_F(StorageTest, ADamagedLogIsRefusedUnlessItsEndIsGivenUp) {
  {
    std::unique_ptr<Storage> storage = MustOpen();
    for (int i = 0; i < 100; ++i) Put(storage.get(), "k" + std::to_string(i), std::string(100, 'v'));
  }
  DamageLog();
  for (const bool read_only : {false, true}) EXPECT_EQ(Open(read_only).status().code(), Code::kCorruption);
  StorageOptions options;
  options.data_dir = Data();
  options.cut_damaged_log = true;
  Result<std::unique_ptr<Storage>> cut = Storage::Open(options, std::make_shared<RetentionPositions>());
  ASSERT_TRUE(cut.ok()) << cut.status().message();
  EXPECT_TRUE((*cut)->Get(Family::kMeta, "k0").ok());
  EXPECT_FALSE((*cut)->Get(Family::kMeta, "k99").ok());
}

TEST_F(StorageTest, ALogThatACrashCutShortIsNoDamage) {
  std::unique_ptr<Storage> storage = MustOpen();
  for (int i = 0; i < 100; ++i) Put(storage.get(), "k" + std::to_string(i), std::string(100, 'v'));
  storage.reset();
  for (const auto& entry : std::filesystem::directory_iterator(DatabasePath(Data()))) {
    if (entry.path().extension() == ".log" && entry.file_size() > 60)
      std::filesystem::resize_file(entry.path(), entry.file_size() - 60);
  }
  storage = MustOpen();
  EXPECT_TRUE(storage->Get(Family::kMeta, "k98").ok());
  EXPECT_FALSE(storage->Get(Family::kMeta, "k99").ok());
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
  std::ofstream(LockPath(Data())) << "anything";
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
