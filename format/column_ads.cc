#include "format/column_ads.h"

#include <algorithm>
#include <span>

#include "format/bit_pack.h"
#include "format/coding.h"

namespace tallymark {
namespace {

// Gaps grow with the ad number (ads are numbered as they come, and popular ones come first), so
// each group has a parameter of its own.
constexpr size_t kGroup = 64;
constexpr unsigned kParameterBits = 5;
constexpr unsigned kParameterMax = (1 << kParameterBits) - 1;

uint64_t RiceBits(std::span<const uint32_t> values, unsigned k) {
  uint64_t bits = values.size() * (k + 1);
  for (uint32_t value : values) bits += value >> k;
  return bits;
}

// The cost has one minimum, near the logarithm of the mean.
unsigned BestParameter(std::span<const uint32_t> values) {
  uint64_t sum = 0;
  for (uint32_t value : values) sum += value;
  auto k = static_cast<unsigned>(std::bit_width(sum / values.size()));
  k = std::min(k, kParameterMax);
  uint64_t bits = RiceBits(values, k);
  while (k > 0) {
    uint64_t fewer = RiceBits(values, k - 1);
    if (fewer > bits) break;
    bits = fewer;
    --k;
  }
  return k;
}

void PutGroups(std::span<const uint32_t> values, std::string* out) {
  RiceWriter writer(out);
  for (size_t begin = 0; begin < values.size(); begin += kGroup) {
    auto group = values.subspan(begin, std::min(kGroup, values.size() - begin));
    unsigned k = BestParameter(group);
    writer.Bits(k, kParameterBits);
    for (uint32_t value : group) writer.Put(value, k);
  }
  writer.Finish();
}

// Takes `values.size()` numbers and the bytes they used from the front of *in.
bool GetGroups(std::string_view* in, std::span<uint32_t> values) {
  RiceReader reader(*in);
  unsigned k = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % kGroup == 0) k = reader.Bits(kParameterBits);
    values[i] = reader.Get(k);
  }
  if (!reader.ok()) return false;
  in->remove_prefix(reader.BytesUsed());
  return true;
}

}  // namespace

void EncodeAdRuns(const AdRuns& runs, std::string* out) {
  PutVarint64(out, runs.size());
  std::vector<uint32_t> numbers(runs.size() - 1);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = runs.ad[i + 1] - runs.ad[i] - 1;
  PutGroups(numbers, out);
  // The last run is what is left of the rows.
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = runs.begin[i + 1] - runs.begin[i] - 1;
  PutGroups(numbers, out);
}

bool DecodeAdRuns(std::string_view bytes, uint32_t ad_min, uint32_t ad_max, uint32_t count, AdRuns* runs) {
  uint64_t size = 0;
  if (!GetVarint64(&bytes, &size) || size == 0 || size > count) return false;
  runs->ad.resize(size);
  runs->begin.resize(size + 1);
  runs->ad[0] = ad_min;
  runs->begin[0] = 0;
  std::span<uint32_t> gaps(runs->ad.data() + 1, size - 1);
  std::span<uint32_t> lengths(runs->begin.data() + 1, size - 1);
  if (!GetGroups(&bytes, gaps) || !GetGroups(&bytes, lengths) || !bytes.empty()) return false;
  uint64_t ad = ad_min;
  uint64_t row = 0;
  for (size_t i = 0; i + 1 < size; ++i) {
    ad += uint64_t{1} + gaps[i];
    row += uint64_t{1} + lengths[i];
    if (ad > ad_max || row >= count) return false;
    gaps[i] = static_cast<uint32_t>(ad);
    lengths[i] = static_cast<uint32_t>(row);
  }
  runs->begin[size] = count;
  return ad == ad_max;
}

}  // namespace tallymark
