// The scan with SSE2, which every x86-64 has.
#include <immintrin.h>

#include "format/event_rules.h"
#include "format/event_scan.h"

namespace tallymark {
namespace {

struct Vector {
  static constexpr size_t kWidth = 16;

  static __m128i Load(const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  static uint32_t Bits(__m128i v) { return static_cast<uint32_t>(_mm_movemask_epi8(v)); }
  static __m128i Is(__m128i v, char c) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(c)); }
  // Bytes are compared signed, so that what is not ASCII counts as below everything.
  static __m128i Below(__m128i v, char c) { return _mm_cmpgt_epi8(_mm_set1_epi8(c), v); }

  static uint32_t TagStops(const char* p) {
    __m128i v = Load(p);
    __m128i separators = _mm_or_si128(Is(v, ','), Is(v, '='));
    __m128i others = _mm_or_si128(Is(v, '\\'), Is(v, 0x7F));
    return Bits(_mm_or_si128(_mm_or_si128(separators, others), Below(v, 0x21)));
  }
  static uint32_t StringStops(const char* p) {
    __m128i v = Load(p);
    return Bits(_mm_or_si128(_mm_or_si128(Is(v, '"'), Is(v, '\\')), Below(v, 0x20)));
  }
  static uint32_t NonDigits(const char* p) {
    __m128i v = Load(p);
    return Bits(_mm_or_si128(Below(v, '0'), _mm_cmpgt_epi8(v, _mm_set1_epi8('9'))));
  }
};

inline uint32_t StopBits16(const char* p) {
  __m128i v = Vector::Load(p);
  __m128i separators = _mm_or_si128(Vector::Is(v, ','), Vector::Is(v, '='));
  __m128i quotes = _mm_or_si128(Vector::Is(v, '"'), Vector::Is(v, '\\'));
  __m128i others = _mm_or_si128(Vector::Is(v, 0x7F), Vector::Below(v, 0x21));
  return Vector::Bits(_mm_or_si128(_mm_or_si128(separators, quotes), others));
}

inline uint64_t StopBits64(const char* p) {
  uint64_t low = StopBits16(p) | StopBits16(p + 16) << 16;
  uint64_t high = StopBits16(p + 32) | StopBits16(p + 48) << 16;
  return low | high << 32;
}

// 63 when there is none.
inline uint32_t LowestBit(uint64_t bits) { return static_cast<uint32_t>(__builtin_ctzll(bits | 1ULL << 63)); }

inline void SetAddress(__m128i /*text*/, uint32_t /*dots*/, uint32_t /*size*/, Event* /*event*/) {}

inline uint32_t EqualBits16(const char* a, const char* b) {
  return Vector::Bits(_mm_cmpeq_epi8(Vector::Load(a), Vector::Load(b)));
}

}  // namespace
}  // namespace tallymark

#include "format/event_scan_impl.h"

namespace tallymark {

ScanStop ScanLinesBaseline(ScanRun* run) { return ScanLines(run); }

}  // namespace tallymark
