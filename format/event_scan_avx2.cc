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

// Where the digits of each octet stand in an address, for a shuffle that is looked up by the places of the
// dots (after Wojciech Mula, "SIMD-ized faster parse of IPv4 addresses", 2023). 16 bytes for each of the 81
// ways in which four octets have one to three digits; an octet's go to the end of its four bytes, 0x80 gives
// zero.
struct OctetShuffles {
  alignas(16) uint8_t bytes[81][16];

  constexpr OctetShuffles() : bytes() {
    for (int way = 0; way < 81; ++way) {
      const int lengths[4] = {way % 3 + 1, way / 3 % 3 + 1, way / 9 % 3 + 1, way / 27 + 1};
      int begin = 0;
      for (int octet = 0; octet < 4; ++octet) {
        for (int i = 0; i < 4; ++i) {
          const int digit = i - (4 - lengths[octet]);
          bytes[way][4 * octet + i] = static_cast<uint8_t>(digit < 0 ? 0x80 : begin + digit);
        }
        begin += lengths[octet] + 1;
      }
    }
  }
};
constexpr OctetShuffles kOctetShuffles;

// `dots` has the three of a valid address of `size` bytes.
inline void SetAddress(__m128i text, uint32_t dots, uint32_t size, Event* event) {
  const uint32_t first = _tzcnt_u32(dots);
  const uint32_t second = _tzcnt_u32(dots & (dots - 1));
  const uint32_t third = 31 - static_cast<uint32_t>(__builtin_clz(dots));
  // The lengths less one, as digits to base 3.
  const uint32_t way = 27 * size - 18 * third - 6 * second - 2 * first - 79;
  const __m128i shuffle = _mm_load_si128(reinterpret_cast<const __m128i*>(kOctetShuffles.bytes[way]));
  const __m128i digits = _mm_shuffle_epi8(_mm_and_si128(text, _mm_set1_epi8(0x0F)), shuffle);
  const __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi32(0x010A6400));  // by 0, 100, 10, 1
  const __m128i octets = _mm_madd_epi16(pairs, _mm_set1_epi16(1));
  const __m128i joined = _mm_shuffle_epi8(octets, _mm_set1_epi32(0x0004080C));  // the first on top
  uint32_t* const word = event->address.word.begin();
  word[0] = word[1] = 0;
  word[2] = static_cast<uint32_t>(_mm_cvtsi128_si32(joined));
}

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
