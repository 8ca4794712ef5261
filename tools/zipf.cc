#include "tools/zipf.h"

#include <algorithm>
#include <cmath>

namespace tallymark {

Zipf::Zipf(uint64_t n, double exponent)
    : n_(static_cast<double>(n)),
      exponent_(exponent),
      inverse_(1 / (1 - exponent)),
      logarithmic_(std::abs(exponent - 1) < 1e-6),
      low_(Integral(1.5) - 1),
      high_(Integral(n_ + 0.5)),
      shortcut_(2 - InverseIntegral(Integral(2.5) - Density(2))) {
  // Rank and acceptance are monotone in the number, so what holds at both ends holds between.
  for (size_t i = 0; i < sure_.size(); ++i) {
    uint64_t first = RankOf(static_cast<double>(i) / kSureRanks);
    uint64_t last = RankOf(std::nextafter(static_cast<double>(i + 1) / kSureRanks, 0));
    if (first == last && first <= UINT16_MAX) sure_[i] = static_cast<uint16_t>(first);
  }
}

double Zipf::Integral(double x) const {
  return logarithmic_ ? std::log(x) : (std::pow(x, 1 - exponent_) - 1) * inverse_;
}

double Zipf::InverseIntegral(double y) const {
  return logarithmic_ ? std::exp(y) : std::pow(std::max(0.0, 1 + y * (1 - exponent_)), inverse_);
}

double Zipf::Density(double x) const { return std::pow(x, -exponent_); }

uint64_t Zipf::RankOf(double unit) const {
  double u = high_ + unit * (low_ - high_);
  double x = InverseIntegral(u);
  double rank = std::clamp(std::floor(x + 0.5), 1.0, n_);
  // Most draws lie so near their rank that the exact comparison can be left out.
  bool accepted = rank - x <= shortcut_ || u >= Integral(rank + 0.5) - Density(rank);
  return accepted ? static_cast<uint64_t>(rank) : 0;
}

uint64_t Zipf::Draw(const Draws& draws, uint64_t first_draw) const {
  for (uint64_t n = first_draw;; ++n) {
    uint64_t bits = draws.At(n);
    if (uint64_t rank = sure_[bits / (UINT64_MAX / kSureRanks + 1)]) return rank;
    if (uint64_t rank = RankOf(static_cast<double>(bits >> 11) * 0x1p-53)) return rank;
  }
}

}  // namespace tallymark
