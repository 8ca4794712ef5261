#include "format/distinct_list.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "format/bit_pack.h"
#include "format/coding.h"

namespace tallymark {
namespace {

// What a list of form 1 holds. Stored in the low bits of its count.
enum HashKind : unsigned { kHashes = 0, kAddresses = 1, kBoth = 2 };
// What a list of form 3 holds. Stored as well.
enum NumberKind : unsigned { kNoNumbers = 0, kOnlyAddresses = 1, kOnePrefix = 2, kSeveral = 3 };
constexpr unsigned kKindBits = 2;
constexpr unsigned kKindMask = 3;

constexpr size_t kAddressBytes = 4;
constexpr size_t kHashBytes = sizeof(DistinctElement);
// In the place of a prefix's size.
constexpr uint8_t kAddressGroup = kNumberedPrefixMax + 1;
// So few numbers are shorter without codes.
constexpr size_t kPlainMax = 3;

// Takes as many hashes as are missing.
bool TakeHashes(std::string_view* in, size_t first, std::vector<DistinctElement>* elements) {
  std::string_view bytes;
  if (!GetBytes(in, (elements->size() - first) * kHashBytes, &bytes)) return false;
  if (!bytes.empty()) std::memcpy(elements->data() + first, bytes.data(), bytes.size());
  return std::all_of(elements->begin() + static_cast<ptrdiff_t>(first), elements->end(),
                     [](const DistinctElement& e) { return e.IsHash(); });
}

void AppendHashes(std::span<const DistinctElement> hashes, std::string* out) {
  out->append(reinterpret_cast<const char*>(hashes.data()), hashes.size_bytes());
}

bool Ascend(std::span<const DistinctElement> elements) {
  return std::adjacent_find(elements.begin(), elements.end(),
                            [](const DistinctElement& a, const DistinctElement& b) { return !(a < b); }) ==
         elements.end();
}

// The distances of n numbers, the greatest of which is `last`, are about last / n. For geometric ones this
// is the best parameter within a few hundredths of a bit (reckoned), and the reader can tell it, too.
unsigned RiceParameter(uint32_t last, size_t n) {
  const uint64_t mean = last / n;
  return mean == 0 ? 0 : static_cast<unsigned>(std::bit_width(mean)) - 1;
}

// Numbers of one group, that is with one high(), ascending, each once.
void AppendNumbers(std::span<const DistinctElement> group, std::string* out) {
  if (group.size() <= kPlainMax) {
    for (const DistinctElement& e : group) {
      if (e.IsAddress()) {
        PutFixed(out, e.word[2]);
      } else {
        PutVarint64(out, e.word[2]);
      }
    }
    return;
  }
  const unsigned k = RiceParameter(group.back().word[2], group.size());
  out->push_back(static_cast<char>(k));
  RiceWriter writer(out);
  uint64_t next = 0;
  for (const DistinctElement& e : group) {
    writer.Put(static_cast<uint32_t>(e.word[2] - next), k);
    next = uint64_t{e.word[2]} + 1;
  }
  writer.Finish();
}

bool TakePlainNumber(std::string_view* in, DistinctElement* e) {
  return e->IsAddress() ? GetFixed(in, &e->word[2]) : GetVarint32(in, &e->word[2]);
}

// Fills in the last words of `group`, whose others are there.
bool TakeNumbers(std::string_view* in, std::span<DistinctElement> group) {
  if (group.size() <= kPlainMax) {
    return std::ranges::all_of(group, [&](DistinctElement& e) { return TakePlainNumber(in, &e); });
  }
  uint8_t k = 0;
  if (!GetFixed(in, &k) || k >= 32) return false;
  RiceReader reader(*in);
  uint64_t next = 0;
  for (DistinctElement& e : group) {
    next += reader.Get(k);
    if (next > kNumberedMax) return false;
    e.word[2] = static_cast<uint32_t>(next++);
  }
  if (!reader.ok() || !reader.PaddingIsZero()) return false;
  in->remove_prefix(reader.BytesUsed());
  return k == RiceParameter(group.back().word[2], group.size());
}

size_t GroupSize(std::span<const DistinctElement> elements) {
  size_t size = 0;
  while (size < elements.size() && elements[size].high() == elements.front().high()) ++size;
  return size;
}

void AppendPrefix(uint64_t high, std::string* out) {
  std::array<char, kNumberedPrefixMax> bytes;
  const std::string_view prefix = NumberedPrefixText(high, &bytes);
  out->push_back(static_cast<char>(prefix.size()));
  out->append(prefix);
}

// Takes what AppendPrefix wrote, or, where there may be several groups, kAddressGroup.
bool TakePrefix(std::string_view* in, bool or_addresses, uint64_t* high) {
  uint8_t size = 0;
  std::string_view prefix;
  if (!GetFixed(in, &size)) return false;
  *high = 0;
  if (size == kAddressGroup) return or_addresses;
  if (!GetBytes(in, size, &prefix) || !IsNumberedPrefix(prefix)) return false;
  *high = NumberedPrefix(prefix);
  return true;
}

void SetHigh(uint64_t high, std::span<DistinctElement> group) {
  for (DistinctElement& e : group) {
    e.word[0] = static_cast<uint32_t>(high >> 32);
    e.word[1] = static_cast<uint32_t>(high);
  }
}

void AppendGroups(std::span<const DistinctElement> numbers, std::string* out) {
  uint64_t groups = 0;
  std::string bytes;
  for (size_t size = 0; !numbers.empty(); numbers = numbers.subspan(size), ++groups) {
    size = GroupSize(numbers);
    if (numbers.front().IsAddress()) {
      bytes.push_back(static_cast<char>(kAddressGroup));
    } else {
      AppendPrefix(numbers.front().high(), &bytes);
    }
    PutVarint64(&bytes, size);
    AppendNumbers(numbers.first(size), &bytes);
  }
  PutVarint64(out, groups);
  out->append(bytes);
}

bool TakeGroups(std::string_view* in, std::vector<DistinctElement>* elements, size_t* numbers) {
  uint64_t groups = 0;
  if (!GetVarint64(in, &groups) || groups == 0 || groups > elements->size()) return false;
  uint64_t former = 0;
  for (uint64_t g = 0; g < groups; ++g) {
    uint64_t high = 0;
    uint64_t count = 0;
    if (!TakePrefix(in, true, &high) || (g > 0 && high <= former)) return false;
    if (!GetVarint64(in, &count) || count == 0 || count > elements->size() - *numbers) return false;
    const std::span<DistinctElement> group(elements->data() + *numbers, count);
    SetHigh(high, group);
    if (!TakeNumbers(in, group)) return false;
    *numbers += count;
    former = high;
  }
  // A single group has a kind of its own.
  return groups > 1 || *numbers < elements->size();
}

bool TakeHead(std::string_view* in, size_t count_max, unsigned* kind,
              std::vector<DistinctElement>* elements) {
  uint64_t head = 0;
  if (!GetVarint64(in, &head)) return false;
  const uint64_t count = head >> kKindBits;
  *kind = static_cast<unsigned>(head & kKindMask);
  if (count == 0 || count > count_max) return false;
  elements->resize(count);
  return true;
}

}  // namespace

void AppendHashList(std::span<const DistinctElement> elements, std::string* out) {
  size_t addresses = 0;
  while (addresses < elements.size() && elements[addresses].IsAddress()) ++addresses;
  const unsigned kind = addresses == 0 ? kHashes : addresses == elements.size() ? kAddresses : kBoth;
  PutVarint64(out, elements.size() << kKindBits | kind);
  if (kind == kBoth) PutVarint64(out, addresses);
  for (const DistinctElement& e : elements.first(addresses)) PutFixed(out, e.word[2]);
  AppendHashes(elements.subspan(addresses), out);
}

bool TakeHashList(std::string_view* in, size_t count_max, std::vector<DistinctElement>* elements) {
  unsigned kind = 0;
  if (!TakeHead(in, count_max, &kind, elements) || kind > kBoth) return false;
  const uint64_t count = elements->size();
  uint64_t addresses = kind == kAddresses ? count : 0;
  if (kind == kBoth && (!GetVarint64(in, &addresses) || addresses == 0 || addresses >= count)) return false;
  std::string_view bytes;
  if (!GetBytes(in, addresses * kAddressBytes, &bytes)) return false;
  for (size_t i = 0; i < addresses; ++i) {
    (*elements)[i] = {};
    std::memcpy(&(*elements)[i].word[2], bytes.data() + i * kAddressBytes, kAddressBytes);
  }
  return TakeHashes(in, addresses, elements) && Ascend(*elements);
}

void AppendNumberList(std::span<const DistinctElement> elements, std::string* out) {
  const auto first_hash =
      std::partition_point(elements.begin(), elements.end(), [](const auto& e) { return !e.IsHash(); });
  const auto numbers = elements.first(static_cast<size_t>(first_hash - elements.begin()));
  const auto hashes = elements.subspan(numbers.size());
  const bool one_group = hashes.empty() && numbers.front().high() == numbers.back().high();
  const NumberKind kind = numbers.empty()               ? kNoNumbers
                          : !one_group                  ? kSeveral
                          : numbers.front().IsAddress() ? kOnlyAddresses
                                                        : kOnePrefix;
  PutVarint64(out, elements.size() << kKindBits | kind);
  if (kind == kSeveral) AppendGroups(numbers, out);
  if (kind == kOnePrefix) AppendPrefix(numbers.front().high(), out);
  if (one_group) AppendNumbers(numbers, out);
  AppendHashes(hashes, out);
}

bool TakeNumberList(std::string_view* in, size_t count_max, std::vector<DistinctElement>* elements) {
  unsigned kind = 0;
  if (!TakeHead(in, count_max, &kind, elements)) return false;
  size_t numbers = kind == kOnlyAddresses || kind == kOnePrefix ? elements->size() : 0;
  uint64_t high = 0;
  if (kind == kOnePrefix && !TakePrefix(in, false, &high)) return false;
  if (kind == kSeveral && !TakeGroups(in, elements, &numbers)) return false;
  if (kind != kSeveral) {
    const std::span<DistinctElement> group(elements->data(), numbers);
    SetHigh(high, group);
    if (!TakeNumbers(in, group)) return false;
  }
  return TakeHashes(in, numbers, elements) && Ascend(*elements);
}

}  // namespace tallymark
