// The scan with AVX2; compiled for it, called only where the CPU has it.
#include <immintrin.h>

#include "format/event_rules.h"
#include "format/event_scan.h"

namespace tallymark {
namespace {

struct Vector {
  static constexpr size_t kWidth = 32;

  static __m256i Load(const char* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static uint32_t Bits(__m256i v) { return static_cast<uint32_t>(_mm256_movemask_epi8(v)); }
  static __m256i Is(__m256i v, char c) { return _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c)); }
  // Bytes are compared signed, so that what is not ASCII counts as below everything.
  static __m256i Below(__m256i v, char c) { return _mm256_cmpgt_epi8(_mm256_set1_epi8(c), v); }

  static uint32_t TagStops(const char* p) {
    __m256i v = Load(p);
    __m256i separators = _mm256_or_si256(Is(v, ','), Is(v, '='));
    __m256i others = _mm256_or_si256(Is(v, '\\'), Is(v, 0x7F));
    return Bits(_mm256_or_si256(_mm256_or_si256(separators, others), Below(v, 0x21)));
  }
  static uint32_t StringStops(const char* p) {
    __m256i v = Load(p);
    return Bits(_mm256_or_si256(_mm256_or_si256(Is(v, '"'), Is(v, '\\')), Below(v, 0x20)));
  }
  static uint32_t NonDigits(const char* p) {
    __m256i v = Load(p);
    return Bits(_mm256_or_si256(Below(v, '0'), _mm256_cmpgt_epi8(v, _mm256_set1_epi8('9'))));
  }
};

inline uint64_t StopBits32(const char* p) {
  __m256i v = Vector::Load(p);
  __m256i separators = _mm256_or_si256(Vector::Is(v, ','), Vector::Is(v, '='));
  __m256i quotes = _mm256_or_si256(Vector::Is(v, '"'), Vector::Is(v, '\\'));
  __m256i others = _mm256_or_si256(Vector::Is(v, 0x7F), Vector::Below(v, 0x21));
  return Vector::Bits(_mm256_or_si256(_mm256_or_si256(separators, quotes), others));
}

inline uint64_t StopBits64(const char* p) { return StopBits32(p) | StopBits32(p + 32) << 32; }

// 64 when there is none.
inline uint32_t LowestBit(uint64_t bits) { return static_cast<uint32_t>(_tzcnt_u64(bits)); }

inline uint32_t EqualBits16(const char* a, const char* b) {
  __m128i equal = _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a)),
                                 _mm_loadu_si128(reinterpret_cast<const __m128i*>(b)));
  return static_cast<uint32_t>(_mm_movemask_epi8(equal));
}

}  // namespace
}  // namespace tallymark

#include "format/event_scan_impl.h"

namespace tallymark {

ScanStop ScanLinesAvx2(ScanRun* run) { return ScanLines(run); }

}  // namespace tallymark
