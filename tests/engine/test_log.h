#ifndef TALLYMARK_TESTS_ENGINE_TEST_LOG_H_
#define TALLYMARK_TESTS_ENGINE_TEST_LOG_H_

#include <gtest/gtest.h>

#include <string>

#include "engine/ad_table.h"
#include "engine/batch.h"
#include "format/block_index.h"
#include "format/keys.h"
#include "tests/engine/test_storage.h"

namespace tallymark {

// Puts lines into the log as a commit does, one batch an append.
class TestLog {
 public:
  TestLog(Storage* storage, AdTable* ads) : storage_(storage), ads_(ads) {}

  uint64_t last_sequence() const { return sequence_; }

  void Append(const std::string& lines) {
    std::shared_ptr<const EventChunk> chunk = ParseLines(lines);
    Batch batch;
    for (const Event& event : chunk->events) {
      const uint32_t ad = ads_->Intern(chunk->Get(event, Field::kAdId), event.ad_hash);
      batch.rows.push_back({{chunk.get(), &event, ad}, HourOf(event.time_ns), 0});
    }
    encoder_.Encode(&batch);
    for (const BatchBlock& block : batch.blocks) {
      ++sequence_;
      Put(Family::kRaw, RawKey{sequence_}.Encode(), block.bytes);
      Put(Family::kRawHours, HourKey{block.index_hour, sequence_}.Encode(),
          EncodeBlockIndex({block.info, block.spans_hours}));
    }
  }

 private:
  void Put(Family family, const std::string& key, const std::string& value) {
    ASSERT_TRUE(storage_->db()->Put(rocksdb::WriteOptions(), storage_->handle(family), key, value).ok());
  }

  Storage* const storage_;
  AdTable* const ads_;
  BatchEncoder encoder_;
  uint64_t sequence_ = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_ENGINE_TEST_LOG_H_
