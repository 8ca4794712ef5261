#include "engine/fingerprint_slots.h"

#include <algorithm>
#include <utility>

namespace tallymark {

bool FingerprintSlots::Place(uint64_t slot) {
  size_t at = HomeOf(slot >> kFingerprintShift);
  for (size_t passed = 0; passed < std::min(kRunMax, slots_.size()); ++passed) {
    if (slots_[at] == slot) return true;
    if (slots_[at] == 0) {
      slots_[at] = slot;
      ++size_;
      return true;
    }
    at = (at + 1) & (slots_.size() - 1);
  }
  return false;
}

bool FingerprintSlots::Insert(Fingerprint fingerprint, uint8_t tag) {
  if (size_ * 2 >= slots_.size() && !Double()) return false;
  return Place(fingerprint << kFingerprintShift | static_cast<uint64_t>(tag) << 1 | 1U);
}

// Equal fingerprints may not fit within a run any more: then nothing changes.
bool FingerprintSlots::Double() {
  std::vector<uint64_t> former(slots_.size() * 2);
  former.swap(slots_);
  const size_t size = std::exchange(size_, 0);
  const bool all = std::ranges::all_of(former, [&](uint64_t slot) { return slot == 0 || Place(slot); });
  if (!all) slots_.swap(former);
  size_ = size;
  return all;
}

}  // namespace tallymark
