#ifndef TALLYMARK_ENGINE_IDENTITY_SEALER_H_
#define TALLYMARK_ENGINE_IDENTITY_SEALER_H_

#include <functional>
#include <string>
#include <vector>

#include "engine/identity_index.h"

namespace tallymark {

// Calls visit for every entry of a sealed segment, in order.
Status ForEachInSegment(const Storage& storage, const IdentitySegment& segment,
                        const std::function<void(const IdentityEntry&)>& visit);

// Sorted files that hold a frozen generation, the manifest that lists them, and the small segments
// they replace. Nothing counts until the files and the manifest are ingested together.
struct SealedFiles {
  std::vector<std::string> paths;
  IdentityManifest manifest;
  std::vector<IdentitySegment> removed;
};

// Writes the frozen generation as one segment a day, merging in the day's small segments so that
// their number stays logarithmic. Days before `first_day_kept` are left out, and their segments
// removed. Precondition: every frozen entry is durable (its sequence is set). Runs on the sealing
// thread; takes no lock.
Result<SealedFiles> SealGeneration(Storage* storage, const IdentityManifest& current,
                                   const IdentityGeneration& frozen, uint64_t covered_sequence,
                                   int32_t first_day_kept);

// Deletes the replaced segments; after Publish, so that nobody looks into them.
Status DeleteSegments(Storage* storage, const std::vector<IdentitySegment>& removed);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_IDENTITY_SEALER_H_
