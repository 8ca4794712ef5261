#include "engine/key_order.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <utility>

namespace tallymark {
namespace {

constexpr unsigned kDigitBitsMax = 11;
constexpr unsigned kWordBits = 64;

}  // namespace

void KeyOrder::Range::Take(uint32_t value) {
  min = std::min(min, value);
  max = std::max(max, value);
}

unsigned KeyOrder::Range::bits() const { return static_cast<unsigned>(std::bit_width(max - min)); }

std::span<const uint32_t> KeyOrder::Sort() {
  places_.resize(keys_.size());
  if (std::is_sorted(keys_.begin(), keys_.end())) {
    std::iota(places_.begin(), places_.end(), 0);
  } else if (Pack()) {
    SortWords();
    const uint64_t place_mask = (uint64_t{1} << place_bits_) - 1;
    for (size_t i = 0; i < words_.size(); ++i) places_[i] = static_cast<uint32_t>(words_[i] & place_mask);
  } else {
    std::iota(places_.begin(), places_.end(), 0);
    std::stable_sort(places_.begin(), places_.end(),
                     [this](uint32_t a, uint32_t b) { return keys_[a] < keys_[b]; });
  }
  return places_;
}

// Makes words of the keys' distances from the least of each part; false where these and a place are more than
// a word has room for.
bool KeyOrder::Pack() {
  Range major;
  Range minor;
  for (uint64_t key : keys_) {
    major.Take(static_cast<uint32_t>(key >> 32));
    minor.Take(static_cast<uint32_t>(key));
  }
  place_bits_ = static_cast<unsigned>(std::bit_width(keys_.size() - 1));
  key_bits_ = major.bits() + minor.bits();
  if (key_bits_ + place_bits_ > kWordBits) return false;
  words_.resize(keys_.size());
  for (size_t i = 0; i < keys_.size(); ++i) {
    const uint64_t high = static_cast<uint32_t>(keys_[i] >> 32) - major.min;
    const uint64_t low = static_cast<uint32_t>(keys_[i]) - minor.min;
    words_[i] = (high << minor.bits() | low) << place_bits_ | i;
  }
  return true;
}

void KeyOrder::SortWords() {
  scratch_.resize(words_.size());
  const unsigned digits = (key_bits_ + kDigitBitsMax - 1) / kDigitBitsMax;
  const unsigned digit_bits = (key_bits_ + digits - 1) / digits;
  const uint64_t mask = (uint64_t{1} << digit_bits) - 1;
  std::array<uint32_t, size_t{1} << kDigitBitsMax> next;
  for (unsigned digit = 0; digit < digits; ++digit) {
    const unsigned shift = place_bits_ + digit * digit_bits;
    std::fill_n(next.begin(), mask + 1, 0);
    for (uint64_t word : words_) ++next[word >> shift & mask];
    uint32_t sum = 0;
    for (uint64_t d = 0; d <= mask; ++d) sum += std::exchange(next[d], sum);
    for (uint64_t word : words_) scratch_[next[word >> shift & mask]++] = word;
    words_.swap(scratch_);
  }
}

}  // namespace tallymark
