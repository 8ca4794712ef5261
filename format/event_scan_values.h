// How single values are read; a part of event_scan_impl.h, whose rules hold here too.
//
// `Vector` offers kWidth and, for kWidth bytes at an address, a bit for each byte that
//   TagStops:     may not stand plainly in a tag value, or ends it
//   StringStops:  may not stand plainly in a quoted string, or ends it
//   NonDigits:    is none of 0..9
// SetAddress gives an event the element of an IPv4 address, or leaves that to ComputePeople.

namespace tallymark {
namespace {

// Ends the scan of one value. Near the end of the input, where a vector would reach past it, the
// bytes go one by one.
enum class Until { kTagStop, kStringStop, kNonDigit };

template <Until kUntil>
inline bool Stops(char c) {
  if constexpr (kUntil == Until::kNonDigit) return c < '0' || c > '9';
  if constexpr (kUntil == Until::kStringStop) return c < 0x20 || c == '"' || c == '\\';
  return c <= 0x20 || c == ',' || c == '=' || c == '\\' || c == 0x7F;
}

template <Until kUntil>
inline uint32_t StopBits(const char* p) {
  if constexpr (kUntil == Until::kNonDigit) return Vector::NonDigits(p);
  if constexpr (kUntil == Until::kStringStop) return Vector::StringStops(p);
  return Vector::TagStops(p);
}

template <Until kUntil>
inline const char* Scan(const char* p, const char* end) {
  while (static_cast<size_t>(end - p) >= Vector::kWidth) {
    uint32_t bits = StopBits<kUntil>(p);
    if (bits != 0) return p + __builtin_ctz(bits);
    p += Vector::kWidth;
  }
  while (p < end && !Stops<kUntil>(*p)) ++p;
  return p;
}

inline bool EqualBytes(const char* a, const char* b, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

inline bool StartsWith(const char* p, const char* end, const Literal& literal) {
  if (static_cast<size_t>(end - p) < kLiteralBytesMax) {
    return static_cast<size_t>(end - p) >= literal.size && EqualBytes(p, literal.bytes, literal.size);
  }
  uint32_t equal = EqualBits16(p, literal.bytes);
  if ((~equal & literal.first_mask) != 0) return false;
  for (uint32_t i = 16; i < literal.size; i += 16) {
    uint32_t left = literal.size - i;
    uint32_t mask = left >= 16 ? 0xFFFF : (1u << left) - 1;
    if ((~EqualBits16(p + i, literal.bytes + i) & mask) != 0) return false;
  }
  return true;
}

// An IPv4 address in its only form, without a branch per digit: those would be mispredicted.
// Bit i stands for byte i throughout. Its element is left in *event where the instruction set can make it.
inline bool TakeIpv4(const char* p, uint32_t size, Event* event) {
  __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  auto bits = [](__m128i x) { return static_cast<uint32_t>(_mm_movemask_epi8(x)); };
  auto at_most = [&](char c) { return bits(_mm_cmpgt_epi8(_mm_set1_epi8(static_cast<char>(c + 1)), v)); };
  auto is = [&](char c) { return bits(_mm_cmpeq_epi8(v, _mm_set1_epi8(c))); };
  uint32_t text = (1u << size) - 1;
  uint32_t dots = is('.') & text;
  uint32_t digits = at_most('9') & ~at_most('/') & text;
  uint32_t begins = dots << 1 | 1;
  if ((dots | digits) != text || __builtin_popcount(dots) != 3 || (begins & digits) != begins) return false;
  if ((digits & digits >> 1 & digits >> 2 & digits >> 3) != 0) return false;
  uint32_t leading_zeros = begins & is('0') & digits >> 1;
  uint32_t threes = begins & digits >> 1 & digits >> 2;
  uint32_t within_255 = is('1') | (is('2') & (at_most('4') >> 1 | (is('5') >> 1 & at_most('5') >> 2)));
  if ((leading_zeros | (threes & ~within_255)) != 0) return false;
  SetAddress(v, dots, size, event);
  return true;
}

inline bool TakeIp(const char* p, const char* end, size_t size, Event* event) {
  if (size <= 15 && end - p >= 16 && TakeIpv4(p, static_cast<uint32_t>(size), event)) return true;
  return IsCanonicalIp(p, size);
}

// Eight decimal digits at once: pairs, then fours, then eights.
inline uint64_t EightDigits(const char* p) {
  uint64_t v = 0;
  __builtin_memcpy(&v, p, sizeof v);
  v -= 0x3030303030303030;
  v = v * 10 + (v >> 8);
  return (((v & 0x000000FF000000FF) * 0x000F424000000064 +
           ((v >> 16 & 0x000000FF000000FF) * 0x0000271000000001)) >>
          32);
}

// The number of `size` <= 19 digits.
inline uint64_t Digits(const char* p, size_t size) {
  uint64_t value = 0;
  for (; size >= 8; size -= 8, p += 8) value = value * 100'000'000 + EightDigits(p);
  for (; size > 0; --size, ++p) value = value * 10 + static_cast<uint64_t>(*p - '0');
  return value;
}

inline uint64_t Digits19(const char* p) {
  uint64_t last =
      static_cast<uint64_t>(p[16]) * 100 + static_cast<uint64_t>(p[17]) * 10 + static_cast<uint64_t>(p[18]);
  return (EightDigits(p) * 100'000'000 + EightDigits(p + 8)) * 1000 + last - '0' * 111;
}

inline bool AreDigits19(const char* p) {
  __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  __m128i last = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 3));
  __m128i low = _mm_min_epu8(first, last);
  __m128i high = _mm_max_epu8(first, last);
  __m128i outside =
      _mm_or_si128(_mm_cmplt_epi8(low, _mm_set1_epi8('0')), _mm_cmpgt_epi8(high, _mm_set1_epi8('9')));
  // A byte that is not ASCII is large unsigned, so it is in `high`, and negative signed.
  return _mm_movemask_epi8(_mm_or_si128(outside, high)) == 0;
}

// Numbers of the plain forms; null sends the others to the strict path.
inline const char* ScanInt(const char* p, const char* end, bool is_signed) {
  if (is_signed && p < end && *p == '-') ++p;
  const char* stop = Scan<Until::kNonDigit>(p, end);
  return stop > p && stop - p <= 18 ? stop : nullptr;
}

inline const char* ScanFloat(const char* p, const char* end) {
  if (p < end && *p == '-') ++p;
  const char* stop = Scan<Until::kNonDigit>(p, end);
  if (stop == p || stop - p > 100) return nullptr;
  return stop < end && *stop == '.' ? Scan<Until::kNonDigit>(stop + 1, end) : stop;
}

inline const char* ScanBool(const char* p, const char* end) {
  const char* stop = p;
  while (stop < end && stop - p < 6 && ((*stop | 0x20) >= 'a' && (*stop | 0x20) <= 'z')) ++stop;
  auto size = static_cast<size_t>(stop - p);
  if (size == 1) return *p == 't' || *p == 'T' || *p == 'f' || *p == 'F' ? stop : nullptr;
  auto is = [&](const char* word, size_t word_size) {
    return size == word_size && EqualBytes(p, word, size);
  };
  bool known =
      is("true", 4) || is("True", 4) || is("TRUE", 4) || is("false", 5) || is("False", 5) || is("FALSE", 5);
  return known ? stop : nullptr;
}

inline const char* ScanValue(SlotType type, const char* p, const char* end) {
  switch (type) {
    case SlotType::kTag: {
      const char* stop = Scan<Until::kTagStop>(p, end);
      return stop > p ? stop : nullptr;
    }
    case SlotType::kString:
      return Scan<Until::kStringStop>(p, end);
    case SlotType::kInt:
      return ScanInt(p, end, true);
    case SlotType::kUint:
      return ScanInt(p, end, false);
    case SlotType::kFloat:
      return ScanFloat(p, end);
    case SlotType::kBool:
      return ScanBool(p, end);
  }
  return nullptr;
}

}  // namespace
}  // namespace tallymark
