#ifndef TALLYMARK_ENGINE_FILTER_BACKFILL_H_
#define TALLYMARK_ENGINE_FILTER_BACKFILL_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/ad_table.h"
#include "engine/backfill_position.h"
#include "engine/delta_set.h"
#include "engine/filter_matcher.h"
#include "engine/filter_registry.h"
#include "engine/job.h"
#include "engine/storage.h"

namespace tallymark {

// What a backfill works with.
struct BackfillParts {
  Storage* storage = nullptr;
  const AdTable* ads = nullptr;
  FilterRegistry* filters = nullptr;
  const RetentionPositions* retention = nullptr;
  // Returns once no repacking is under way; none begins while FilterRegistry::HoldsRaw.
  std::function<void()> wait_for_repacking;
  // Makes counters and positions (key, value) durable in one step.
  std::function<Status(const DeltaSet& counted, std::vector<std::pair<std::string, std::string>> positions)>
      ingest;
  std::function<uint64_t()> events;  // in the log by now, for the progress
};

// Counts the past of a filter's version: every event of raw up to the position the version is active
// from, each once. Blocks do not move meanwhile. Every few seconds what was counted is ingested with
// the position it covers, so a crash repeats only what was not. Versions that are to be counted from
// the same place on go along: a thousand filters defined in a row read raw twice, not a thousand
// times. One run of one job.
class FilterBackfill {
 public:
  FilterBackfill(BackfillParts parts, JobContext* context) : parts_(std::move(parts)), context_(*context) {}

  // The job's result. kNotFound: the version was replaced or taken back.
  Result<std::string> Run();

 private:
  struct Member {
    uint32_t id = 0;
    FilterVersion version;
    uint64_t matches = 0;
  };

  Result<BackfillPosition> PositionOf(uint32_t number) const;
  Status Gather(uint32_t number);
  Status ReadPacked(DeltaSet* counted);
  Status ReadLog(DeltaSet* counted);
  Status CountBlock(uint64_t sequence, std::string_view block, DeltaSet* counted);
  bool StepIsFull(const DeltaSet& counted) const;
  Status EndStep(DeltaSet* counted);
  Status FinishAll();
  std::string ResultOf(uint32_t id, const BackfillPosition& position) const;

  const BackfillParts parts_;
  JobContext& context_;
  std::vector<Member> members_;  // by number, as in set_
  std::shared_ptr<const FilterSet> set_;
  BackfillPosition position_;
  FilterMatcher matcher_;
  EventChunk chunk_;
  std::vector<uint32_t> ads_;
  std::vector<uint32_t> places_;
  double step_began_ = 0;
  uint64_t step_events_ = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FILTER_BACKFILL_H_
