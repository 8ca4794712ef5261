#ifndef TALLYMARK_ENGINE_BATCH_H_
#define TALLYMARK_ENGINE_BATCH_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/counted_event.h"
#include "engine/distinct_run.h"
#include "engine/engine.h"
#include "engine/filter_matcher.h"
#include "engine/identity_generation.h"
#include "engine/key_order.h"
#include "format/raw_block.h"

namespace tallymark {

// One Append on its way through the pipeline.
struct AppendRequest {
  std::shared_ptr<const EventChunk> chunk;
  AppendDone done;
  std::vector<SegmentTally> tallies;
  double received_seconds = 0;  // SteadySeconds
  // Not 0: a request of the engine's own, whose chunk is empty: conversions that have waited too long
  // at this time of the clock are let go.
  int64_t expire_at_ns = 0;
};

// An accepted event.
struct BatchRow {
  EventRef ref;
  int32_t hour = 0;
  uint32_t identity_number = 0;  // its entry in Batch::generation
};

// An encoded raw block: rows [first_row, first_row + info.count) of the batch.
struct BatchBlock {
  std::string bytes;
  RawBlockInfo info;
  int32_t index_hour = 0;
  bool spans_hours = false;
  size_t first_row = 0;
};

// The event in a row matches the filter in a place of Batch::filters.
struct FilterMatch {
  uint32_t row = 0;
  uint32_t place = 0;
};

// What is committed in one step. Made by the sequencer, encoded by any encode thread, committed in
// order. Each stage owns it alone while it works on it.
struct Batch {
  std::vector<AppendRequest> appends;
  std::vector<BatchRow> rows;
  // Conversions as they count after they were joined to their clicks, for rows to point at.
  std::deque<EventChunk> joined;
  // Conversions that begin to wait for their clicks (number and record), and numbers of those that
  // end it, in this or an earlier batch.
  std::vector<std::pair<uint64_t, std::string>> new_waiting;
  std::vector<uint64_t> ended_waiting;
  std::shared_ptr<IdentityGeneration> generation;
  uint32_t first_new_ad = 0;
  std::string new_ad_names;  // an `ads` record; empty: none
  uint32_t ads_after = 0;    // AdTable::size() after this batch
  double sequenced_seconds = 0;
  // Not empty: this is no batch but a mark. The committer calls it when everything before it is
  // durable and applied.
  std::function<void()> at_mark;

  // The filters in force when it was sequenced; null or empty: none.
  std::shared_ptr<const FilterSet> filters;

  // Filled by BatchEncoder. It has the events at hand; to the committer each would be a cache miss.
  std::vector<BatchBlock> blocks;
  std::vector<CountedEvent> counted;  // by row
  std::vector<uint32_t> owner_rows;   // of events that name an owner of their ad, see LearnedAds
  std::vector<FilterMatch> matches;   // by row

  std::shared_ptr<const DistinctRun> people;  // of the rows; null: none, or not counted

  // What bounds it.
  size_t size() const { return rows.size() + new_waiting.size(); }
};

// Sorts rows by (hour, ad), finds the filters they match, and encodes them into blocks: one hour each, or,
// where hours hold only a few events, one UTC day.
class BatchEncoder {
 public:
  // *people, unless null: replaced by the people of each row.
  void Encode(Batch* batch, std::vector<PeopleRow>* people = nullptr);

 private:
  struct Group {
    size_t begin = 0, end = 0;
    bool spans_hours = false;
  };
  void Sort(std::vector<BatchRow>* rows, size_t begin, size_t end, bool by_hour);
  std::vector<Group> GroupByHour(const std::vector<BatchRow>& rows);
  void EncodeGroup(Batch* batch, const Group& group, std::vector<PeopleRow>* people);
  void GatherEvents(Batch* batch, BatchBlock* block, std::vector<PeopleRow>* people);
  void MatchFilters(Batch* batch);

  RawBlockEncoder encoder_;
  FilterMatcher matcher_;
  std::vector<uint32_t> places_;
  std::vector<BatchRow> sorted_;
  std::vector<EventRef> refs_;
  std::string bytes_;
  KeyOrder order_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_BATCH_H_
