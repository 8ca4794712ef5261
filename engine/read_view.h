#ifndef TALLYMARK_ENGINE_READ_VIEW_H_
#define TALLYMARK_ENGINE_READ_VIEW_H_

#include <rocksdb/db.h>

#include <memory>

#include "engine/counter_delta.h"

namespace tallymark {

// What a reader of counters adds up: rows on disk (as of `snapshot` where there is one), the frozen
// delta and the live one. Readers hold a shared_ptr to it for as long as they read, so that they
// see either side of a checkpoint whole.
struct ReadView {
  rocksdb::DB* db = nullptr;
  const rocksdb::Snapshot* snapshot = nullptr;  // owned; null reads the newest
  std::shared_ptr<const CounterDelta> frozen;   // may be null
  std::shared_ptr<const CounterDelta> live;

  ReadView() = default;
  ReadView(const ReadView&) = delete;
  ReadView& operator=(const ReadView&) = delete;
  ~ReadView() {
    if (snapshot != nullptr) db->ReleaseSnapshot(snapshot);
  }
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_READ_VIEW_H_
