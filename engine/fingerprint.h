#ifndef TALLYMARK_ENGINE_FINGERPRINT_H_
#define TALLYMARK_ENGINE_FINGERPRINT_H_

#include <cstdint>

#include "format/hash128.h"

namespace tallymark {

// What a fingerprint table knows of an identity: the top 40 bits of its hash. Among 10^9 others a
// stranger has one of theirs with a probability of 10^9 / 2^40, 0.09 %.
using Fingerprint = uint64_t;
inline constexpr int kFingerprintBits = 40;

inline Fingerprint FingerprintOf(const Hash128& id) { return id.hi >> (64 - kFingerprintBits); }

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FINGERPRINT_H_
