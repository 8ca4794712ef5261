#ifndef TALLYMARK_TESTS_ENGINE_TEST_STORAGE_H_
#define TALLYMARK_TESTS_ENGINE_TEST_STORAGE_H_

#include <gtest/gtest.h>
#include <rocksdb/file_system.h>
#include <rocksdb/sst_file_writer.h>

#include <memory>
#include <string>
#include <utility>

#include "engine/meta_keys.h"
#include "engine/storage.h"
#include "tests/engine/test_events.h"

namespace tallymark {

// A database in a folder of its own, for tests of what stands on it.
class TestStorage {
 public:
  explicit TestStorage(std::shared_ptr<rocksdb::FileSystem> file_system = nullptr)
      : file_system_(std::move(file_system)) {
    Open();
  }

  Storage* get() const { return storage_.get(); }
  Storage* operator->() const { return storage_.get(); }
  rocksdb::DB* db() const { return storage_->db(); }
  const std::shared_ptr<RetentionPositions>& retention() const { return retention_; }
  const std::string& path() const { return directory_.path(); }

  // Closes the database and opens it again; nothing may hold on to it.
  void Reopen() {
    storage_.reset();
    Open();
  }
  void Put(Family family, const std::string& key, const std::string& value) {
    ASSERT_TRUE(storage_->db()->Put(rocksdb::WriteOptions(), storage_->handle(family), key, value).ok());
  }
  void Flush(Family family) {
    ASSERT_TRUE(storage_->db()->Flush(rocksdb::FlushOptions(), storage_->handle(family)).ok());
  }
  void Compact(Family family) {
    Flush(family);
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    ASSERT_TRUE(storage_->db()->CompactRange(options, storage_->handle(family), nullptr, nullptr).ok());
  }
  size_t CountKeys(Family family) const {
    std::unique_ptr<rocksdb::Iterator> it(
        storage_->db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(family)));
    size_t count = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
    EXPECT_TRUE(it->status().ok());
    return count;
  }

 private:
  void Open() {
    StorageOptions options;
    options.data_dir = directory_.path();
    options.block_cache_bytes = 8 << 20;
    options.file_system = file_system_;
    Result<std::unique_ptr<Storage>> storage = Storage::Open(options, retention_);
    if (!storage.ok()) {
      ADD_FAILURE() << storage.status().message();
      std::abort();
    }
    storage_ = std::move(*storage);
  }

  const std::shared_ptr<rocksdb::FileSystem> file_system_;  // null: the machine's
  TempDirectory directory_;
  std::shared_ptr<RetentionPositions> retention_ = std::make_shared<RetentionPositions>();
  std::unique_ptr<Storage> storage_;
};

// Writes another version into the meta family of a directory that nobody has open.
inline void WriteMetaFormatVersion(const std::string& data_dir, int version) {
  StorageOptions options;
  options.data_dir = data_dir;
  Result<std::unique_ptr<Storage>> opened = Storage::Open(options, std::make_shared<RetentionPositions>());
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  Storage& storage = **opened;
  ASSERT_TRUE(
      storage.db()
          ->Put({}, storage.handle(Family::kMeta), ToSlice(kMetaFormatVersion), std::to_string(version))
          .ok());
}

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_ENGINE_TEST_STORAGE_H_
