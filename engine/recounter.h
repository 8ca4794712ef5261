#ifndef TALLYMARK_ENGINE_RECOUNTER_H_
#define TALLYMARK_ENGINE_RECOUNTER_H_

#include <memory>
#include <set>

#include "engine/core.h"
#include "engine/count_comparison.h"
#include "engine/hour_counter.h"
#include "engine/recount_report.h"

namespace tallymark {

// Counts raw again and holds counter rows and top lists against it, or puts the recount in their
// place, while events come in. One thread; several recounters do not disturb each other.
class Recounter {
 public:
  Recounter(Core* core, const RecountControl& control) : core_(core), control_(control) {}

  // Of whole hours. Rows are taken together by the million, so memory is bounded by that and by the
  // fullest hour. kGone: raw is kept for no hour of the range. kCorruption: raw is damaged.
  Status Reconcile(HourRange range, ReconcileReport* report);

  // Hour by hour, each in one atomic step; hours that raw retention took stay as they are. An hour
  // whose raw is damaged ends it. Errors as above.
  Status Recompute(HourRange range, RecomputeReport* report);

 private:
  // The filters whose rows must agree with raw: everything, and the defined ones that are whole.
  struct Counted {
    std::vector<FilterRegistry::Whole> whole;  // by internal number
    std::shared_ptr<const FilterSet> set;
    FilterNumbers numbers;  // ascending, 0 among them
    uint32_t IdOf(uint32_t number) const;
  };
  Result<Counted> FiltersToCount() const;
  CountedMoment TakeMoment();
  Status Pause();
  Status Stopped() const;
  void Progress(int32_t hour, HourRange range) const;
  static void Log(const ReconcileReport& report);
  Status ReconcileAll(HourRange range, ReconcileReport* report);
  Status ReconcileSome(HourRange range, int32_t* done_to, ReconcileReport* report);
  void Note(const CountMismatch& mismatch, const Counted& filters, ReconcileReport* report) const;
  Status HoursToReplace(HourRange range, std::vector<int32_t>* hours);
  Status RecomputeHour(int32_t hour, RecomputeReport* report);

  Core* const core_;
  const RecountControl& control_;
  double busy_since_ = 0;           // SteadySeconds
  std::set<int32_t> listed_hours_;  // with top lists, when the recompute began
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_RECOUNTER_H_
