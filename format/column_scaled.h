#ifndef TALLYMARK_FORMAT_COLUMN_SCALED_H_
#define TALLYMARK_FORMAT_COLUMN_SCALED_H_

#include <array>
#include <cstdint>
#include <span>

namespace tallymark {

// Divisors a column may be stored in, by the number that is stored: never reorder, only append.
// Each divides the next.
inline constexpr std::array<uint64_t, 5> kTimeDivisors{1, 1'000, 1'000'000, 1'000'000'000, 60'000'000'000};
inline constexpr std::array<uint64_t, 7> kRevenueDivisors{1, 10, 100, 1'000, 10'000, 100'000, 1'000'000};

// Divides every number by the greatest of `divisors` that divides all of them, in place, and
// returns its index. No numbers, or zeros only: the last one.
uint8_t ScaleDown(std::span<const uint64_t> divisors, std::span<uint64_t> numbers);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_COLUMN_SCALED_H_
