#include "format/distinct_element.h"

// A dozen bytes are hashed in a few nanoseconds; a call into the library would cost as much again.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>
#include <cstring>

namespace tallymark {
namespace {

constexpr uint32_t kHashed = 0x8000'0000U;
constexpr size_t kIpv4TextMin = 7;
constexpr size_t kIpv4TextMax = 15;

DistinctElement HashedElement(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {{static_cast<uint32_t>(hash.high64 >> 32) | kHashed, static_cast<uint32_t>(hash.high64),
           static_cast<uint32_t>(hash.low64 >> 32)}};
}

constexpr uint64_t EachByte(uint64_t byte) { return 0x0101'0101'0101'0101ULL * byte; }

// The top bit of each byte that is zero.
uint64_t ZeroBytes(uint64_t x) { return ~(((x & EachByte(0x7F)) + EachByte(0x7F)) | x | EachByte(0x7F)); }
uint64_t Dots(uint64_t bytes) { return ZeroBytes(bytes ^ EachByte('.')); }
// '0' to '9' alone have 3 for upper half and keep it when 6 is added.
uint64_t Digits(uint64_t bytes) {
  const uint64_t plus_six = (bytes & EachByte(0x7F)) + EachByte(6);
  const uint64_t upper = (bytes ^ EachByte('0')) | (plus_six ^ EachByte('0'));
  return ZeroBytes(upper & EachByte(0xF0));
}
// Counting bits is a call into a library on a baseline processor.
bool IsSingleBit(uint32_t bits) { return bits != 0 && (bits & (bits - 1)) == 0; }
// Bit i is the top bit of byte i.
uint32_t Gather(uint64_t top_bits) {
  return static_cast<uint32_t>((top_bits * 0x0002'0408'1020'4081ULL) >> 56);
}

// False for every text that is not four numbers of 0..255 with dots between them. How many digits
// they have is as random as addresses are: no branch asks for it.
bool ReadIpv4(std::string_view text, uint32_t* address) {
  const size_t size = text.size();
  if (size < kIpv4TextMin || size > kIpv4TextMax) return false;
  if (size == kIpv4TextMin) {
    char padded[kIpv4TextMin + 2] = {'0', '0'};  // for the loads below
    std::memcpy(padded + 2, text.data(), size);
    return ReadIpv4({padded, sizeof padded}, address);
  }
  uint64_t low = 0;
  uint64_t high = 0;
  std::memcpy(&low, text.data(), sizeof low);
  std::memcpy(&high, text.data() + size - sizeof high, sizeof high);
  high = high >> (8 * (kIpv4TextMax - size)) >> 8;
  uint32_t dots = Gather(Dots(low)) | Gather(Dots(high)) << 8;
  const uint32_t digits = Gather(Digits(low)) | Gather(Digits(high)) << 8;
  uint32_t third = dots & (dots - 1);
  third &= third - 1;
  if ((dots | digits) != (1U << size) - 1 || !IsSingleBit(third)) return false;
  dots |= 1U << size;
  auto rest = static_cast<unsigned __int128>(high) << 64 | low;
  uint32_t bad = 0;
  uint32_t begin = 0;
  *address = 0;
  for (int i = 0; i < 4; ++i) {
    const auto end = static_cast<uint32_t>(std::countr_zero(dots));
    const uint32_t length = end - begin;
    // Three digits, with zeros in front, a byte each.
    const uint32_t three = static_cast<uint32_t>(rest) << (8 * (3 - (length & 3))) & 0x0F'0F'0F;
    const uint32_t octet = (three & 0xFF) * 100 + (three >> 8 & 0xFF) * 10 + (three >> 16);
    bad |= static_cast<uint32_t>(length - 1 > 2) | static_cast<uint32_t>(octet > 255);
    *address = *address << 8 | octet;
    rest >>= 8 * (length + 1);
    begin = end + 1;
    dots &= dots - 1;
  }
  return bad == 0;
}

}  // namespace

DistinctElement UserElement(std::string_view user_id) {
  return user_id.empty() ? kNoElement : HashedElement(user_id);
}

DistinctElement AddressElement(std::string_view ip) {
  uint32_t address = 0;
  if (ReadIpv4(ip, &address)) return {{0, 0, address}};
  return ip.empty() ? kNoElement : HashedElement(ip);
}

uint64_t SketchHash(const DistinctElement& element) {
  return XXH3_64bits(element.word.data(), sizeof element.word);
}

}  // namespace tallymark
