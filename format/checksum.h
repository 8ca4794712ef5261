#ifndef TALLYMARK_FORMAT_CHECKSUM_H_
#define TALLYMARK_FORMAT_CHECKSUM_H_

#include <cstdint>
#include <string_view>

namespace tallymark {

// The low 32 bits of XXH3_64 (seed 0) of the bytes: what identity buckets and top chunks end with.
// Stored, so never to change; a test freezes it. 4 KiB take about 0.2 us with AVX2.
uint32_t Checksum32(std::string_view bytes);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_CHECKSUM_H_
