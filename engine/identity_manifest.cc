#include "engine/identity_manifest.h"

#include "format/coding.h"

namespace tallymark {

std::string IdentityManifest::Encode() const {
  std::string out;
  PutFixed<uint8_t>(&out, 1);
  // First, as in every position: so that a reader that only wants the position finds it.
  PutFixed(&out, covered_sequence);
  PutFixed(&out, next_segment);
  PutVarint64(&out, segments.size());
  for (const IdentitySegment& s : segments) {
    PutVarint64(&out, ZigZag(s.day));
    PutVarint64(&out, s.number);
    PutVarint64(&out, s.entries);
    PutVarint64(&out, static_cast<uint64_t>(s.bucket_bits));
  }
  return out;
}

bool IdentityManifest::Decode(std::string_view in) {
  uint8_t version = 0;
  uint64_t count = 0;
  segments.clear();
  if (!GetFixed(&in, &version) || version != 1 || !GetFixed(&in, &covered_sequence) ||
      !GetFixed(&in, &next_segment) || !GetVarint64(&in, &count) || count > in.size()) {
    return false;
  }
  for (uint64_t i = 0; i < count; ++i) {
    IdentitySegment s;
    uint64_t day = 0;
    uint64_t bits = 0;
    if (!GetVarint64(&in, &day) || !GetVarint32(&in, &s.number) || !GetVarint64(&in, &s.entries) ||
        !GetVarint64(&in, &bits) || bits > 32) {
      return false;
    }
    s.day = static_cast<int32_t>(UnZigZag(day));
    s.bucket_bits = static_cast<int>(bits);
    segments.push_back(s);
  }
  return in.empty();
}

}  // namespace tallymark
