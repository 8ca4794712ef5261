#ifndef TALLYMARK_ENGINE_VERIFY_COUNTS_H_
#define TALLYMARK_ENGINE_VERIFY_COUNTS_H_

#include <map>
#include <vector>

#include "engine/verify_raw.h"

namespace tallymark {

// Digests of what was made of raw, by hour.
struct CountedTruth {
  struct Hours {
    std::map<int32_t, HourDigest> rows;
    std::map<int32_t, HourDigest> lists;  // of top_minutes and top_hours
  };
  bool rows_complete = true;  // every counter row could be read
  bool lists_complete = true;
  std::map<uint32_t, Hours> filters;  // by internal number
};

// Reads every counter row once: structure, ads, minutes against totals where raw is gone.
void ScanCounters(const InspectedDirectory& directory, VerifyFindings* findings, CountedTruth* counted);
// Reads every top list once: checksums, structure, ads.
void ScanTopLists(const InspectedDirectory& directory, VerifyFindings* findings, CountedTruth* counted);

// Compares by hour and looks closer, with `HourRecount`, at the hours that differ.
void CompareCounts(const InspectedDirectory& directory, const RawTruth& raw, const CountedTruth& counted,
                   VerifyFindings* findings);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_VERIFY_COUNTS_H_
