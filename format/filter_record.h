#ifndef TALLYMARK_FORMAT_FILTER_RECORD_H_
#define TALLYMARK_FORMAT_FILTER_RECORD_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "format/filter_pattern.h"

namespace tallymark {

// One definition of a filter and the counters that go with it.
struct FilterVersion {
  uint32_t number = 0;       // internal, from 1, never given twice: the filter of counter keys
  uint64_t active_from = 0;  // events of later blocks are counted as they come, others by the job
  uint64_t job = 0;          // that counts the past
  // Hours before this one were not all there any more when the past was counted.
  int32_t complete_from_hour = std::numeric_limits<int32_t>::min();
  FilterDefinition definition;
  friend bool operator==(const FilterVersion&, const FilterVersion&) = default;
};

// A filter as it is kept: a value of the column family `filters`, see filter_record.md. At least one
// version is there: `current` is counted whole, `next` is being counted and takes its place then.
struct FilterRecord {
  std::optional<FilterVersion> current;
  std::optional<FilterVersion> next;
  friend bool operator==(const FilterRecord&, const FilterRecord&) = default;
};

std::string EncodeFilterRecord(const FilterRecord& record);
// Corruption says what is wrong; *record is unspecified then.
Status DecodeFilterRecord(std::string_view bytes, FilterRecord* record);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_FILTER_RECORD_H_
