#ifndef TALLYMARK_ENGINE_META_KEYS_H_
#define TALLYMARK_ENGINE_META_KEYS_H_

#include <string_view>

namespace tallymark {

// The version of everything under a data directory. A directory with a greater one is refused.
//   1: first version.
//   2: FORMAT file; column families of filters, jobs and what else came with 0.2.0.
//   3: identities of events with an event_id tell short ids of different kinds apart.
//   4: identity buckets of version 2; those of version 1 stay until a merge rewrites them.
//   5: distinct sets with lists of form 3; those of form 1 stay.
inline constexpr int kFormatVersion = 5;
// The first whose identities are hashed as ComputeIdentity does.
inline constexpr int kFormatOfIdentities = 3;

// Keys of the column family `meta`.
inline constexpr std::string_view kMetaFormatVersion = "format_version";  // decimal text
// State of the log after its newest batch (LogState in log_state.h), written with every batch.
inline constexpr std::string_view kMetaLogState = "log_state";
// Retention positions: three fixed32 hours (raw, minutes, hours).
inline constexpr std::string_view kMetaRetention = "retention";
// The smallest dedup window events were ever accepted under (dedup_window.h): fixed64 nanoseconds.
inline constexpr std::string_view kMetaDedupWindow = "dedup_window";

// The internal number that the next definition of a filter gets (filter_registry.h): fixed32.
inline constexpr std::string_view kMetaFilterNumber = "filter_number";

// Keys of the column family `positions`: a view's name.
inline constexpr std::string_view kPositionCounters = "counters";
inline constexpr std::string_view kPositionDistinct = "distinct";
inline constexpr std::string_view kPositionIdentities = "identities";
// Followed by a filter's internal number in decimal: how far its past is counted.
inline constexpr std::string_view kPositionFilterPrefix = "filter/";
inline constexpr std::string_view kPositionAdOwners = "ad_owners";

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_META_KEYS_H_
