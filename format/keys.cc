#include "format/keys.h"

#include <bit>
#include <cstring>
#include <type_traits>

namespace tallymark {
namespace {

// Flipping the sign bit makes unsigned order, and so bytewise big-endian order, the signed one.
constexpr uint32_t kSignBit = 0x8000'0000U;

template <class T>
T BigEndian(T value) {
  static_assert(std::is_unsigned_v<T> && std::endian::native == std::endian::little);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  return value;
}

class KeyWriter {
 public:
  explicit KeyWriter(char* out) : at_(out) {}
  template <class T>
  KeyWriter& Put(T value) {
    if constexpr (std::is_same_v<T, int32_t>) {
      return Put(static_cast<uint32_t>(value) ^ kSignBit);
    } else {
      value = BigEndian(value);
      std::memcpy(at_, &value, sizeof value);
      at_ += sizeof value;
      return *this;
    }
  }

 private:
  char* at_;
};

class KeyReader {
 public:
  explicit KeyReader(std::string_view key) : at_(key.data()) {}
  template <class T>
  KeyReader& Get(T* value) {
    if constexpr (std::is_same_v<T, int32_t>) {
      uint32_t flipped = 0;
      Get(&flipped);
      *value = static_cast<int32_t>(flipped ^ kSignBit);
    } else {
      std::memcpy(value, at_, sizeof *value);
      *value = BigEndian(*value);
      at_ += sizeof *value;
    }
    return *this;
  }

 private:
  const char* at_;
};

constexpr size_t kRawKeySize = 8;
constexpr size_t kHourKeySize = 12;
constexpr size_t kIdentityKeySize = 12;
constexpr size_t kAdKeySize = 4;
constexpr size_t kJobKeySize = 8;
constexpr size_t kFilterKeySize = 4;
constexpr size_t kTopKeySize = 19;
constexpr size_t kTopPrefixSize = 9;

}  // namespace

std::string RawKey::Encode() const {
  std::string out(kRawKeySize, '\0');
  KeyWriter(out.data()).Put(sequence);
  return out;
}

bool RawKey::Decode(std::string_view key, RawKey* out) {
  if (key.size() != kRawKeySize) return false;
  KeyReader(key).Get(&out->sequence);
  return true;
}

std::string HourKey::Encode() const {
  std::string out(kHourKeySize, '\0');
  KeyWriter(out.data()).Put(hour).Put(number);
  return out;
}

bool HourKey::Decode(std::string_view key, HourKey* out) {
  if (key.size() != kHourKeySize) return false;
  KeyReader(key).Get(&out->hour).Get(&out->number);
  return true;
}

std::string CounterKey::Encode() const {
  std::string out(kSize, '\0');
  EncodeTo(out.data());
  return out;
}

void CounterKey::EncodeTo(char out[kSize]) const { KeyWriter(out).Put(ad).Put(filter).Put(hour); }

bool CounterKey::Decode(std::string_view key, CounterKey* out) {
  if (key.size() != kSize) return false;
  KeyReader(key).Get(&out->ad).Get(&out->filter).Get(&out->hour);
  return true;
}

std::string DistinctKey::Encode() const {
  std::string out(kSize, '\0');
  KeyWriter(out.data()).Put(ad).Put(hour);
  return out;
}

bool DistinctKey::Decode(std::string_view key, DistinctKey* out) {
  if (key.size() != kSize) return false;
  KeyReader(key).Get(&out->ad).Get(&out->hour);
  return true;
}

std::string IdentityKey::Encode() const {
  std::string out(kIdentityKeySize, '\0');
  KeyWriter(out.data()).Put(day).Put(segment).Put(bucket);
  return out;
}

bool IdentityKey::Decode(std::string_view key, IdentityKey* out) {
  if (key.size() != kIdentityKeySize) return false;
  KeyReader(key).Get(&out->day).Get(&out->segment).Get(&out->bucket);
  return true;
}

std::string AdKey::Encode() const {
  std::string out(kAdKeySize, '\0');
  KeyWriter(out.data()).Put(number);
  return out;
}

bool AdKey::Decode(std::string_view key, AdKey* out) {
  if (key.size() != kAdKeySize) return false;
  KeyReader(key).Get(&out->number);
  return true;
}

std::string JobKey::Encode() const {
  std::string out(kJobKeySize, '\0');
  KeyWriter(out.data()).Put(id);
  return out;
}

bool JobKey::Decode(std::string_view key, JobKey* out) {
  if (key.size() != kJobKeySize) return false;
  KeyReader(key).Get(&out->id);
  return true;
}

std::string FilterKey::Encode() const {
  std::string out(kFilterKeySize, '\0');
  KeyWriter(out.data()).Put(id);
  return out;
}

bool FilterKey::Decode(std::string_view key, FilterKey* out) {
  if (key.size() != kFilterKeySize) return false;
  KeyReader(key).Get(&out->id);
  return true;
}

std::string TopKey::Encode() const {
  std::string out(kTopKeySize, '\0');
  KeyWriter(out.data()).Put(bucket).Put(filter).Put(metric).Put(generation).Put(chunk);
  return out;
}

bool TopKey::Decode(std::string_view key, TopKey* out) {
  if (key.size() != kTopKeySize) return false;
  KeyReader(key).Get(&out->bucket).Get(&out->filter).Get(&out->metric).Get(&out->generation).Get(&out->chunk);
  return true;
}

std::string TopKey::EncodePrefix() const {
  std::string out(kTopPrefixSize, '\0');
  KeyWriter(out.data()).Put(bucket).Put(filter).Put(metric);
  return out;
}

}  // namespace tallymark
