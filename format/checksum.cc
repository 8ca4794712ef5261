#include "format/checksum.h"

#include <xxhash.h>

// Debian's library holds the AVX2 and AVX-512 forms too, but only these entry points ask the CPU;
// the plain ones are SSE2 and take twice as long.
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#define TALLYMARK_WIDE_XXHASH 1
#endif

namespace tallymark {
namespace {

#ifdef TALLYMARK_WIDE_XXHASH
// The AVX-512 form returns with the upper halves of the vector registers in use, which makes every
// SSE instruction after it wait for them.
__attribute__((target("avx"))) void ReleaseUpperHalves() { __builtin_ia32_vzeroupper(); }
const bool kHasAvx = __builtin_cpu_supports("avx") != 0;
#endif

}  // namespace

uint32_t Checksum32(std::string_view bytes) {
  auto checksum = static_cast<uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
#ifdef TALLYMARK_WIDE_XXHASH
  if (kHasAvx) ReleaseUpperHalves();
#endif
  return checksum;
}

}  // namespace tallymark
