#ifndef TALLYMARK_FORMAT_CODING_H_
#define TALLYMARK_FORMAT_CODING_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tallymark {

static_assert(std::endian::native == std::endian::little, "formats are little endian; no swaps are coded");

// Fixed little-endian integers and varints (LEB128: seven bits a byte, least significant first).
// Get* functions take from the front of *in and return false, leaving *in unspecified, when it is
// too short or a varint does not fit.

template <class T>
inline void PutFixed(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
inline bool GetFixed(std::string_view* in, T* value) {
  if (in->size() < sizeof *value) return false;
  std::memcpy(value, in->data(), sizeof *value);
  in->remove_prefix(sizeof *value);
  return true;
}

inline void PutVarint64(std::string* out, uint64_t value) {
  char buffer[10];
  int n = 0;
  while (value >= 0x80) {
    buffer[n++] = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  buffer[n++] = static_cast<char>(value);
  out->append(buffer, static_cast<size_t>(n));
}
inline bool GetVarint64(std::string_view* in, uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < in->size() && i < 10; ++i) {
    auto byte = static_cast<uint8_t>((*in)[i]);
    if (i == 9 && byte > 1) return false;
    result |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      if (byte == 0 && i > 0) return false;
      *value = result;
      in->remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}
inline bool GetVarint32(std::string_view* in, uint32_t* value) {
  uint64_t wide = 0;
  if (!GetVarint64(in, &wide) || wide > UINT32_MAX) return false;
  *value = static_cast<uint32_t>(wide);
  return true;
}

constexpr uint64_t ZigZag(int64_t v) {
  return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
constexpr int64_t UnZigZag(uint64_t v) { return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1); }

inline void PutLengthPrefixed(std::string* out, std::string_view bytes) {
  PutVarint64(out, bytes.size());
  out->append(bytes);
}
inline bool GetBytes(std::string_view* in, uint64_t size, std::string_view* bytes) {
  if (size > in->size()) return false;
  *bytes = in->substr(0, size);
  in->remove_prefix(size);
  return true;
}
inline bool GetLengthPrefixed(std::string_view* in, std::string_view* bytes) {
  uint64_t size = 0;
  return GetVarint64(in, &size) && GetBytes(in, size, bytes);
}

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_CODING_H_
