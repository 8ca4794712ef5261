#include "engine/counted_moment.h"

namespace tallymark {

void CountedMoment::OpenIterators(const Storage& storage) {
  rocksdb::ReadOptions read;
  read.total_order_seek = true;
  read.fill_cache = false;
  auto open = [&](Family family) {
    return std::unique_ptr<rocksdb::Iterator>(storage.db()->NewIterator(read, storage.handle(family)));
  };
  rows = open(Family::kCounters);
  top_minutes = open(Family::kTopMinutes);
  top_hours = open(Family::kTopHours);
  raw = RawIterators::Open(storage);
}

}  // namespace tallymark
