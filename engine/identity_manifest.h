#ifndef TALLYMARK_ENGINE_IDENTITY_MANIFEST_H_
#define TALLYMARK_ENGINE_IDENTITY_MANIFEST_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tallymark {

// One sealed segment of the column family `identities`.
struct IdentitySegment {
  int32_t day = 0;
  uint32_t number = 0;  // unique for the life of the directory
  uint64_t entries = 0;
  int bucket_bits = 0;
};

// Which segments count, and the log position they cover. Ingested together with the segments, as
// the value of positions/identities; a segment that is not listed is a left-over of a crash.
struct IdentityManifest {
  uint64_t covered_sequence = 0;
  uint32_t next_segment = 1;
  std::vector<IdentitySegment> segments;

  std::string Encode() const;
  bool Decode(std::string_view in);
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_IDENTITY_MANIFEST_H_
