#include "format/checksum.h"

#include <xxhash.h>

// Debian's library holds the AVX2 and AVX-512 forms too, but only these entry points ask the CPU;
// the plain ones are SSE2 and take twice as long.
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#endif

namespace tallymark {

uint32_t Checksum32(std::string_view bytes) {
  return static_cast<uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

}  // namespace tallymark
