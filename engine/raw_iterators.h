#ifndef TALLYMARK_ENGINE_RAW_ITERATORS_H_
#define TALLYMARK_ENGINE_RAW_ITERATORS_H_

#include <rocksdb/db.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "engine/storage.h"

namespace tallymark {

// Raw records as they were when the iterators were opened. Where something moves meanwhile they are
// opened inside the storage's raw gate, so that no event is seen twice or not at all. One thread.
struct RawIterators {
  std::unique_ptr<rocksdb::Iterator> log, hours, packed;

  static RawIterators Open(const Storage& storage);
};

// Blocks of the log by position: (after, last].
struct PositionRange {
  uint64_t after = 0;
  uint64_t last = 0;
};

// A block; its position is 0 when it was repacked.
using VisitBlock = std::function<Status(uint64_t sequence, std::string_view block)>;

// Calls visit for the blocks that may hold events of the hour: those of the log within the
// positions, then, when the range begins with the log (`after` is 0), repacked ones. A block that
// `raw_hours` names and the log does not have is Corruption, or passed over with `skip_missing`.
Status ForEachBlockOfHour(RawIterators* raw, int32_t hour, const PositionRange& positions, bool skip_missing,
                          const VisitBlock& visit);

// First hour at or after `hour` that may hold events; empty when there is none.
Result<std::optional<int32_t>> NextHourOfRaw(RawIterators* raw, int32_t hour);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_RAW_ITERATORS_H_
