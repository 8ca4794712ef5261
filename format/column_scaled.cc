#include "format/column_scaled.h"

#include <bit>
#include <limits>

namespace tallymark {
namespace {

// Division by d = odd * 2^shift of what may be a multiple of d, as one multiplication: odd has an
// inverse modulo 2^64, and only multiples of d land at or below the greatest quotient.
class ExactDivisor {
 public:
  explicit ExactDivisor(uint64_t d)
      : shift_(std::countr_zero(d)), inverse_(1), limit_(std::numeric_limits<uint64_t>::max() / d) {
    uint64_t odd = d >> shift_;
    // Newton's iteration doubles the right bits: 1 holds for one bit, six rounds for 64.
    for (int i = 0; i < 6; ++i) inverse_ *= 2 - odd * inverse_;
  }
  uint64_t Quotient(uint64_t number) const { return std::rotr(number * inverse_, shift_); }
  bool Divides(uint64_t number) const { return Quotient(number) <= limit_; }

 private:
  int shift_;
  uint64_t inverse_;
  uint64_t limit_;
};

}  // namespace

uint8_t ScaleDown(std::span<const uint64_t> divisors, std::span<uint64_t> numbers) {
  size_t index = divisors.size() - 1;
  ExactDivisor divisor(divisors[index]);
  for (uint64_t number : numbers) {
    while (!divisor.Divides(number)) divisor = ExactDivisor(divisors[--index]);
  }
  if (index > 0) {
    for (uint64_t& number : numbers) number = divisor.Quotient(number);
  }
  return static_cast<uint8_t>(index);
}

}  // namespace tallymark
