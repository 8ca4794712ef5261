#ifndef TALLYMARK_TOOLS_ZIPF_H_
#define TALLYMARK_TOOLS_ZIPF_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "tools/random.h"

namespace tallymark {

// Draws ranks 1..n with probability proportional to rank^-exponent, without tables, by rejection
// inversion (W. Hoermann, G. Derflinger: Rejection-inversion to generate variates from monotone
// discrete distributions, 1996). Immutable, thread safe.
class Zipf {
 public:
  // n >= 1; exponent >= 0, where 0 is the uniform distribution.
  Zipf(uint64_t n, double exponent);

  // Uses draws.At(first_draw) and on, about 1.1 of them.
  uint64_t Draw(const Draws& draws, uint64_t first_draw) const;

 private:
  static constexpr size_t kSureRanks = 4096;

  // The rank for a number in [0, 1); 0: draw again.
  uint64_t RankOf(double unit) const;
  double Integral(double x) const;         // of the density's hat from 1 to x
  double InverseIntegral(double y) const;  // the x for which Integral gives y
  double Density(double x) const;

  double n_;
  double exponent_;
  double inverse_;    // 1 / (1 - exponent), meaningless for the exponent 1
  bool logarithmic_;  // exponent so near 1 that the logarithm is the better integral
  double low_, high_, shortcut_;
  // The rank for every draw whose top bits are the index, where it is the same for all of them;
  // else 0. Spares the popular ranks, most of the draws, the powers.
  std::array<uint16_t, kSureRanks> sure_{};
};

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_ZIPF_H_
