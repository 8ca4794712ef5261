#ifndef TALLYMARK_ENGINE_FILTER_REGISTRY_H_
#define TALLYMARK_ENGINE_FILTER_REGISTRY_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/filter.h"
#include "engine/filter_set.h"
#include "engine/job_board.h"
#include "engine/pipeline.h"
#include "engine/storage.h"
#include "format/filter_record.h"

namespace tallymark {

// The filters that are defined, and which internal numbers their counters stand under.
//
// A definition is a version with a number of its own. It comes into force at a mark that goes
// through the pipeline: batches behind the mark match it, and the mark's position is written, with
// the job that counts the past up to there, before any of them is committed. Once the job is
// through, the version takes the place of the one before it. Numbers that no version has any more
// are dead: nobody reads their rows, and compaction drops them.
//
// Thread safe. Changes go one after another and block for a synced write and a turn of the pipeline;
// look-ups do not wait for them.
class FilterRegistry {
 public:
  static constexpr const char* kJobKind = "filter";

  // `live` is told which numbers live (LiveFilters in storage.h).
  FilterRegistry(Storage* storage, std::shared_ptr<LiveFilters> live);

  // Reads what is kept; before everything else.
  Status Load();
  // Where changes go; once, before the first.
  void Attach(Pipeline* pipeline, JobBoard* jobs);

  // Every version, ready for matching, with the positions they are active from.
  std::shared_ptr<const FilterSet> Active() const;

  // What a reader of one filter's counters needs. kNotFound: no such filter.
  struct Reading {
    uint32_t number = 0;
    FilterReadiness readiness;
    int32_t complete_from_hour = INT32_MIN;  // counts of earlier hours may lack events
  };
  Result<Reading> Find(uint32_t id) const;
  Result<FilterInfo> Info(uint32_t id) const;  // kNotFound
  std::vector<FilterInfo> List() const;        // by id

  // Defines or redefines the filter and starts its job. *created: it was not there before. kConflict:
  // too many filters, or a job is counting this one. kInvalid: id 0.
  Result<FilterInfo> Define(uint32_t id, FilterDefinition definition, bool* created);
  // kNotFound, or kConflict: a job is counting it.
  Status Remove(uint32_t id);

  // Versions whose counts are whole: what a recount of raw can be held against.
  struct Whole {
    uint32_t id = 0;
    FilterVersion version;
  };
  std::vector<Whole> ListWhole() const;  // by id

  // ---- For the job.

  // Versions whose past is being counted, by number.
  struct Pending {
    uint32_t id = 0;
    FilterVersion version;
  };
  // Waits for a change that is under way, such as the one that started the job.
  std::vector<Pending> ListPending() const;
  // Whether the version is the one whose counts are whole.
  bool IsCurrent(uint32_t id, uint32_t number) const;
  void SetProgress(uint32_t number, double share);
  // The version's past is counted: it takes its place, unless it has been taken back meanwhile.
  Status Finish(uint32_t id, uint32_t number, int32_t complete_from_hour);
  // Takes the version back: what was there before goes on.
  Status TakeBack(uint32_t id, uint32_t number);
  // Whether raw blocks must stay where they are because a job reads them.
  bool HoldsRaw() const;

  // The parameters of a version's job.
  static std::string JobParameters(uint32_t id, uint32_t number);
  static bool ReadJobParameters(std::string_view parameters, uint32_t* id, uint32_t* number);

 private:
  using Records = std::map<uint32_t, FilterRecord>;

  double ProgressOf(uint32_t number) const;
  FilterInfo InfoOf(uint32_t id, const FilterRecord& record) const;
  bool IsBeingCounted(const FilterRecord& record) const;
  Status TakeNumber(uint32_t* number);
  // Sends the filters of `next` through the pipeline; `persist` runs where they come into force.
  Status Switch(const Records& next, const std::function<Status(uint64_t sequence)>& persist);
  Status Keep(uint32_t id, const FilterRecord* record);
  void Publish(Records next);
  static std::shared_ptr<const FilterSet> SetOf(const Records& records);

  Storage* const storage_;
  const std::shared_ptr<LiveFilters> live_;
  Pipeline* pipeline_ = nullptr;
  JobBoard* jobs_ = nullptr;

  mutable std::mutex change_mutex_;  // one change at a time; taken before mutex_
  uint32_t next_number_ = 1;         // guarded by change_mutex_
  mutable std::mutex mutex_;
  Records records_;
  std::map<uint32_t, double> progress_;  // by number
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FILTER_REGISTRY_H_
