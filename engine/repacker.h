#ifndef TALLYMARK_ENGINE_REPACKER_H_
#define TALLYMARK_ENGINE_REPACKER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/batch.h"
#include "engine/storage.h"
#include "format/block_index.h"
#include "format/keys.h"

namespace tallymark {

// Turns the small blocks that slow streams and scattered imports leave in the log into full ones,
// sorted by ad, in `packed`, so that bytes at rest do not depend on how events came. The WriteBatch
// that adds the new blocks deletes the old ones; blocks that a view has yet to pass are left alone.
// One thread.
class Repacker {
 public:
  Repacker(Storage* storage, double quiet_seconds) : storage_(storage), quiet_seconds_(quiet_seconds) {}

  // Repacks what is due among blocks up to `passed_sequence`: small blocks of an hour that saw no
  // new block for the quiet time, or very many of them; `all`: every hour with small blocks.
  // Returns when nothing is left that is due, or after the step that `stop` asked to be the last.
  Status Run(uint64_t passed_sequence, bool all, const std::atomic<bool>& stop);

  uint64_t blocks() const { return blocks_.load(); }  // taken from the log so far

 private:
  struct Source {
    HourKey key;  // of its raw_hours record
    BlockIndexEntry entry;
  };
  struct Seen {
    uint64_t newest_sequence = 0;
    double since_seconds = 0;
  };

  Status ListHour(int32_t* hour, uint64_t passed_sequence, std::vector<Source>* sources, bool* more,
                  bool* waits);
  bool IsDue(int32_t hour, const std::vector<Source>& sources, bool waits, bool all);
  Status RepackSome(const std::vector<Source>& sources);
  Status TakeSmallPacked(const std::vector<int32_t>& hours, EventChunk* chunk, std::vector<uint32_t>* ads,
                         rocksdb::WriteBatch* write);
  Status AddPacked(const EventChunk& chunk, const std::vector<uint32_t>& ads, uint64_t number,
                   rocksdb::WriteBatch* write);
  Status Reclaim();

  Storage* const storage_;
  const double quiet_seconds_;
  std::map<int32_t, Seen> seen_;
  RawBlockEncoder encoder_;
  std::atomic<uint64_t> blocks_{0};
  uint64_t reclaim_first_ = UINT64_MAX;
  uint64_t reclaim_last_ = 0;
  uint64_t reclaim_blocks_ = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_REPACKER_H_
