#ifndef TALLYMARK_ENGINE_VERIFY_RAW_H_
#define TALLYMARK_ENGINE_VERIFY_RAW_H_

#include <functional>
#include <map>

#include "engine/raw_iterators.h"
#include "engine/verify_digest.h"
#include "engine/verify_findings.h"
#include "format/event_chunk.h"

namespace tallymark {

// What raw says must be on disk elsewhere.
struct RawTruth {
  bool complete = true;                 // every block could be read
  std::map<int32_t, HourDigest> hours;  // of the events that everything's counters cover
  // The same of each filter that is counted whole, by internal number.
  std::map<uint32_t, std::map<int32_t, HourDigest>> filters;
  std::map<int32_t, IdentityDigest> days;  // of events that positions/identities covers
  SequenceSet log_sequences;
  uint64_t unsealed = 0;  // events beyond positions/identities
};

// Reads every raw block once: checksum, structure, ads, the log without gaps beyond the positions,
// and its hour index in both directions.
void ScanRaw(const InspectedDirectory& directory, VerifyFindings* findings, RawTruth* truth);

// Calls visit for the blocks that may hold events of the hour and that positions up to
// `last_sequence` cover, repacked ones included (whose sequence is given as 0).
Status ForEachCoveredBlock(const InspectedDirectory& directory, int32_t hour, uint64_t last_sequence,
                           const VisitBlock& visit);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_VERIFY_RAW_H_
