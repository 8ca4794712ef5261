#ifndef TALLYMARK_ENGINE_COUNTED_MOMENT_H_
#define TALLYMARK_ENGINE_COUNTED_MOMENT_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/hour_range.h"
#include "engine/raw_iterators.h"
#include "engine/storage.h"

namespace tallymark {

// Raw and what was made of it on disk at one moment: iterators that were opened together show the
// same state however long the reading takes (and keep replaced files on disk as long). One thread.
struct CountedMoment {
  uint64_t covered_sequence = 0;  // what rows and lists hold of the log
  int32_t raw_from = INT32_MIN;   // retention, as RetentionPositions
  int32_t minutes_from = INT32_MIN;
  int32_t hours_from = INT32_MIN;
  std::unique_ptr<rocksdb::Iterator> rows, top_minutes, top_hours;
  RawIterators raw;
  // Called now and then while the moment is read: may sleep; a failure ends the reading. May be null.
  std::function<Status()> pause;

  // Opens the iterators. Where something moves: inside the gate of the counters, which
  // `covered_sequence` was read in, and inside the raw gate.
  void OpenIterators(const Storage& storage);

  bool MinutesAreGone(int32_t hour) const { return hour < minutes_from; }
  // Rows of earlier hours cannot be held against raw.
  int32_t ComparableFrom() const { return raw_from > hours_from ? raw_from : hours_from; }
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_COUNTED_MOMENT_H_
