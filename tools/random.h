#ifndef TALLYMARK_TOOLS_RANDOM_H_
#define TALLYMARK_TOOLS_RANDOM_H_

#include <cstdint>

namespace tallymark {

// The step and the finalizer of SplitMix64 (Steele, Lea, Flood 2014). Mix64 maps 64 bits to 64 bits
// one to one.
inline constexpr uint64_t kGoldenGamma = 0x9E3779B97F4A7C15;

constexpr uint64_t Mix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

// Random numbers that belong to one key: draw n is a pure function of (key, n), so any of them can
// be had without the others.
class Draws {
 public:
  explicit constexpr Draws(uint64_t key) : key_(key) {}

  constexpr uint64_t At(uint64_t n) const { return Mix64(key_ + (n + 1) * kGoldenGamma); }
  // In [0, bound), by multiplication; `bound` > 0. The bias is below bound / 2^64.
  constexpr uint64_t Below(uint64_t n, uint64_t bound) const {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(At(n)) * bound) >> 64);
  }
  // In [0, 1), 53 bits.
  constexpr double Unit(uint64_t n) const { return static_cast<double>(At(n) >> 11) * 0x1p-53; }

 private:
  uint64_t key_;
};

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_RANDOM_H_
