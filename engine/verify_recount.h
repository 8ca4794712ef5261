#ifndef TALLYMARK_ENGINE_VERIFY_RECOUNT_H_
#define TALLYMARK_ENGINE_VERIFY_RECOUNT_H_

#include <map>
#include <vector>

#include "engine/filter_matcher.h"
#include "engine/verify_findings.h"
#include "format/hour_row.h"
#include "format/raw_block.h"

namespace tallymark {

// Counts hours of one filter again from raw, ad by ad, and tells each amount that counter rows or top lists
// have otherwise. Memory: slices of the ads of about two million events at a time.
class HourRecount {
 public:
  HourRecount(const InspectedDirectory& directory, const CountedFilter& filter, VerifyFindings* findings)
      : directory_(directory),
        filter_(filter),
        set_({{filter.number, filter.active_from, filter.definition}}),
        findings_(findings) {}

  // `events`: of the hour, up to positions/counters. `stored_rows`: how many counter rows of the hour
  // there are.
  void Compare(int32_t hour, uint64_t events, bool rows, bool lists, uint64_t stored_rows);
  // Finds the rows of ads that have no event in a compared hour. Call it once at the end.
  void Finish();

 private:
  static constexpr int kWholeHour = kMinutesPerHour;  // as a cell's minute
  struct Cell {
    uint32_t ad = 0;
    uint8_t minute = 0;  // 0..59, or kWholeHour for the hour's total
    uint8_t metric = 0;
    __int128 amount = 0;

    uint64_t Place() const { return uint64_t{ad} << 16 | uint64_t{minute} << 8 | metric; }
  };
  using Cells = std::vector<Cell>;  // by place once added up
  struct Slice {
    int32_t hour = 0;
    uint32_t count = 1;
    uint32_t number = 0;
    bool Has(uint32_t ad) const { return ad % count == number; }
  };

  static void AddUp(Cells* cells);
  Status CountRaw(const Slice& slice, Cells* cells);
  Status ReadCounted(std::string_view block);
  Status ReadRows(const Slice& slice, const Cells& raw, Cells* cells, uint64_t* found) const;
  Status ReadLists(const Slice& slice, Cells* cells) const;
  void AddRow(uint32_t ad, const HourRow& row, bool minutes, Cells* cells) const;
  void Diff(int32_t hour, const Cells& raw, const Cells& stored, VerifyFindings::Place where);
  void Tell(int32_t hour, const Cell& cell, VerifyFindings::Place where, __int128 counted, __int128 raw);
  void FindStrayRows();

  const InspectedDirectory& directory_;
  const CountedFilter& filter_;
  const FilterSet set_;
  VerifyFindings* const findings_;
  FilterMatcher matcher_;
  CountColumns columns_;                               // of a block's events that the filter matches
  std::map<int32_t, std::vector<bool>> ads_of_hours_;  // hours with stray rows: ads that raw has
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_VERIFY_RECOUNT_H_
