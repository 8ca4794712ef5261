// Writes identity buckets, always of the newest version.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <limits>

#include "format/bit_pack.h"
#include "format/checksum.h"
#include "format/coding.h"
#include "format/identity_segment_v2.h"

namespace tallymark {
namespace {

using Entries = std::span<const IdentityEntry>;

// Writing an unsorted bucket would lose identities for good: better to stop.
void RequireEncodable(int bucket_bits, int32_t day, Entries entries) {
  bool ok = bucket_bits >= 0 && bucket_bits <= kIdentityBucketBitsMax &&
            entries.size() <= std::numeric_limits<uint32_t>::max();
  for (size_t i = 0; ok && i < entries.size(); ++i) {
    const IdentityEntry& entry = entries[i];
    ok = DayOfHour(entry.place.hour) == day && (i == 0 || !(entry.id < entries[i - 1].id)) &&
         BucketOf(entry.id, bucket_bits) == BucketOf(entries[0].id, bucket_bits);
  }
  if (!ok) std::abort();
}

// The least bits for the hashes: each further byte that slots imply costs 256 times the slots.
unsigned ChooseSlotBits(int bucket_bits, size_t count) {
  auto slot_bits = static_cast<unsigned>(-bucket_bits) % 8;
  while (slot_bits + 8 <= kIdentitySlotBitsMax) {
    const size_t more_slots = (size_t{1} << (slot_bits + 8)) - (size_t{1} << slot_bits);
    if (more_slots >= 8 * count) break;
    slot_bits += 8;
  }
  return slot_bits;
}

// How the ad numbers of a bucket are written: all in the width of the greatest, or each in the least
// of four widths that holds it.
class AdCoder {
 public:
  explicit AdCoder(Entries entries) {
    std::array<size_t, kIdentityAdBitsMax + 1> with_width{};
    for (const IdentityEntry& entry : entries) ++with_width[Width(entry)];
    unsigned widest = kIdentityAdBitsMax;
    while (widest > 0 && with_width[widest] == 0) --widest;
    constexpr unsigned kClasses = 1U << kIdentityAdClassBits;
    const unsigned step = (widest + kClasses - 1) / kClasses;
    size_t units = 0;
    for (unsigned width = 0; width <= widest; ++width) {
      units_[width] = static_cast<uint8_t>(width == 0 ? 1 : (width + step - 1) / step);
      units += with_width[width] * units_[width];
    }
    const size_t classes = PackedBytes(entries.size(), kIdentityAdClassBits);
    const bool by_class = classes + PackedBytes(units, step) < PackedBytes(entries.size(), widest);
    form_ = static_cast<uint8_t>(by_class ? kIdentityAdClasses | step : widest);
  }

  uint8_t form() const { return form_; }

  // `values` is room for one of each entry.
  void Append(Entries entries, std::span<uint64_t> values, std::string* out) const {
    if ((form_ & kIdentityAdClasses) == 0) {
      for (size_t i = 0; i < values.size(); ++i) values[i] = entries[i].place.ad;
      PackBits(values, form_, 0, out);
      return;
    }
    const unsigned step = form_ & ~unsigned{kIdentityAdClasses};
    for (size_t i = 0; i < values.size(); ++i) values[i] = units_[Width(entries[i])] - 1U;
    PackBits(values, kIdentityAdClassBits, 0, out);
    RiceWriter bits(out);
    for (size_t i = 0; i < values.size(); ++i)
      bits.Bits(entries[i].place.ad, (static_cast<unsigned>(values[i]) + 1) * step);
    bits.Finish();
  }

 private:
  static unsigned Width(const IdentityEntry& entry) {
    return static_cast<unsigned>(std::bit_width(entry.place.ad));
  }

  std::array<uint8_t, kIdentityAdBitsMax + 1> units_{};  // by width
  uint8_t form_ = 0;                                     // as in the header
};

uint64_t HourOfDay(const IdentityEntry& entry, int32_t day) {
  return static_cast<uint64_t>(int64_t{entry.place.hour} - int64_t{day} * kHoursPerDay);
}

IdentityBucketHeader HeaderOf(int bucket_bits, int32_t day, Entries entries, const AdCoder& ads) {
  bool one_hour = true;
  uint64_t sequence_min = entries.empty() ? 0 : std::numeric_limits<uint64_t>::max();
  uint64_t sequence_max = 0;
  for (const IdentityEntry& entry : entries) {
    one_hour = one_hour && entry.place.hour == entries[0].place.hour;
    sequence_min = std::min(sequence_min, entry.place.sequence);
    sequence_max = std::max(sequence_max, entry.place.sequence);
  }
  const uint64_t hour = entries.empty() ? 0 : HourOfDay(entries[0], day);
  return {.bucket_bits = static_cast<uint8_t>(bucket_bits),
          .slot_bits = static_cast<uint8_t>(ChooseSlotBits(bucket_bits, entries.size())),
          .hour = one_hour ? static_cast<uint8_t>(hour) : kIdentityHourEach,
          .ads = ads.form(),
          .sequence_bits = static_cast<uint8_t>(std::bit_width(sequence_max - sequence_min)),
          .count = static_cast<uint32_t>(entries.size()),
          .sequence_min = sequence_min};
}

// Appends `size` zero bytes and returns where they begin.
char* Extend(std::string* out, size_t size) {
  out->resize(out->size() + size);
  return out->data() + out->size() - size;
}

void AppendHashes(const IdentityBucketHeader& header, Entries entries, std::string* out) {
  char* map = Extend(out, PackedBytes(header.SlotMapBits(), 1));
  for (size_t i = 0; i < entries.size(); ++i) {
    const size_t bit = IdentitySlot(entries[i].id, header) + i;
    map[bit / 8] = static_cast<char>(map[bit / 8] | 1 << bit % 8);
  }
  const size_t size = header.RemainderBytes();
  char* to = Extend(out, entries.size() * size);
  for (const IdentityEntry& entry : entries) {
    const IdentityRemainder remainder = RemainderOf(entry.id, header.ImpliedBits());
    StoreBigEndian64(to, remainder.first);
    StoreBigEndian64(to + size - sizeof(uint64_t), remainder.last);
    to += size;
  }
}

void AppendChecks(Entries entries, std::string* out) {
  char* to = Extend(out, entries.size() * kIdentityCheckBytes);
  for (const IdentityEntry& entry : entries) {
    std::memcpy(to, &entry.place.content_check, kIdentityCheckBytes);
    to += kIdentityCheckBytes;
  }
}

}  // namespace

void EncodeIdentityBucket(int bucket_bits, int32_t day, std::span<const IdentityEntry> entries,
                          std::string* out) {
  RequireEncodable(bucket_bits, day, entries);
  const size_t begin = out->size();
  const AdCoder ads(entries);
  const IdentityBucketHeader header = HeaderOf(bucket_bits, day, entries, ads);
  header.Put(out);
  AppendHashes(header, entries, out);
  AppendChecks(entries, out);
  std::vector<uint64_t> values(entries.size());
  if (header.hour == kIdentityHourEach) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = HourOfDay(entries[i], day);
    PackBits(values, kIdentityHourBits, 0, out);
  }
  for (size_t i = 0; i < values.size(); ++i) values[i] = entries[i].place.sequence;
  PackBits(values, header.sequence_bits, header.sequence_min, out);
  ads.Append(entries, values, out);
  PutFixed(out, Checksum32(std::string_view(*out).substr(begin)));
}

}  // namespace tallymark
