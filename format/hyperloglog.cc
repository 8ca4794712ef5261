#include "format/hyperloglog.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

namespace tallymark {
namespace {

constexpr unsigned kRegisterBits = 6;
constexpr uint32_t kRegisterMask = (1U << kRegisterBits) - 1;

// Sums of the series in Ertl's section 4 ("sigma" for registers that saw nothing, "tau" for full
// ones): iterated until a double no longer changes.
double Sigma(double x) {
  if (x >= 1) return std::numeric_limits<double>::infinity();
  double weight = 1;
  double sum = x;
  for (double former = -1; former != sum;) {
    x *= x;
    former = sum;
    sum += x * weight;
    weight += weight;
  }
  return sum;
}

double Tau(double x) {
  if (x <= 0 || x >= 1) return 0;
  double weight = 1;
  double sum = 1 - x;
  for (double former = -1; former != sum;) {
    x = std::sqrt(x);
    former = sum;
    weight /= 2;
    sum -= (1 - x) * (1 - x) * weight;
  }
  return sum / 3;
}

// Four registers in three bytes.
uint32_t LoadGroup(const char* at) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(at);
  return static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8 |
         static_cast<uint32_t>(bytes[2]) << 16;
}

template <class Visit>
void ForEachPacked(std::string_view bytes, Visit&& visit) {
  size_t index = 0;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = LoadGroup(bytes.data() + at);
    for (int i = 0; i < 4; ++i, group >>= kRegisterBits) visit(index++, group & kRegisterMask);
  }
}

}  // namespace

void HyperLogLog::Add(uint64_t hash) {
  const auto index = static_cast<size_t>(hash >> (64 - kPrecision));
  const uint64_t rest = hash << kPrecision;
  const int rank = rest == 0 ? kRankMax : std::countl_zero(rest) + 1;
  registers_[index] = std::max(registers_[index], static_cast<uint8_t>(rank));
}

double HyperLogLog::Estimate() const {
  constexpr auto kCount = static_cast<double>(kRegisters);
  std::array<uint32_t, kRankMax + 1> counts{};
  for (uint8_t r : registers_) ++counts[r];
  double sum = kCount * Tau(1 - counts[kRankMax] / kCount);
  for (size_t rank = kRankMax - 1; rank >= 1; --rank) sum = (sum + counts[rank]) / 2;
  sum += kCount * Sigma(counts[0] / kCount);
  return kCount * kCount / (2 * std::numbers::ln2 * sum);
}

void HyperLogLog::AppendPacked(std::string* out) const {
  for (size_t i = 0; i < kRegisters; i += 4) {
    uint32_t group = 0;
    for (size_t k = 0; k < 4; ++k) group |= static_cast<uint32_t>(registers_[i + k]) << (k * kRegisterBits);
    for (int k = 0; k < 3; ++k, group >>= 8) out->push_back(static_cast<char>(group));
  }
}

bool HyperLogLog::IsPacked(std::string_view bytes) {
  if (bytes.size() != kPackedBytes) return false;
  uint32_t greatest = 0;
  ForEachPacked(bytes, [&](size_t, uint32_t rank) { greatest = std::max(greatest, rank); });
  return greatest <= kRankMax;
}

void HyperLogLog::Merge(const HyperLogLog& other) {
  for (size_t i = 0; i < kRegisters; ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

void HyperLogLog::MergePacked(std::string_view bytes) {
  ForEachPacked(bytes, [&](size_t index, uint32_t rank) {
    registers_[index] = std::max(registers_[index], static_cast<uint8_t>(rank));
  });
}

}  // namespace tallymark
