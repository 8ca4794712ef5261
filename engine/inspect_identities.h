#ifndef TALLYMARK_ENGINE_INSPECT_IDENTITIES_H_
#define TALLYMARK_ENGINE_INSPECT_IDENTITIES_H_

#include <functional>
#include <vector>

#include "engine/identity_manifest.h"
#include "engine/inspect_directory.h"
#include "format/identity_segment.h"

namespace tallymark {

// Reads the buckets of one sealed segment in order, a bucket at a time: visit(bucket, entries)
// until it returns false. A bucket that does not decode goes to `damaged`, and reading goes on with
// the next. Only buckets with first_bucket <= number <= last_bucket. An error is one of reading.
struct SegmentVisitor {
  std::function<bool(uint32_t bucket, const std::vector<IdentityEntry>& entries)> visit;
  std::function<void(const Status& status)> damaged;
};
Status ScanSegment(const Storage& storage, const IdentitySegment& segment, uint32_t first_bucket,
                   uint32_t last_bucket, const SegmentVisitor& visitor);

// 32 hex digits.
std::string HexOf(const Hash128& id);

// The identity and place of an event that ReadBlock gave.
IdentityEntry EntryOf(const Event& event, uint32_t ad, uint64_t sequence);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_INSPECT_IDENTITIES_H_
