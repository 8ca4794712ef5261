#ifndef TALLYMARK_ENGINE_FINGERPRINT_SLOTS_H_
#define TALLYMARK_ENGINE_FINGERPRINT_SLOTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/fingerprint.h"
#include "format/prefetch.h"

namespace tallymark {

// A set of few (fingerprint, tag) pairs, in an open table that doubles: 16 to 32 bytes each, from half a
// kilobyte on. Not thread safe.
class FingerprintSlots {
 public:
  FingerprintSlots() : slots_(kSlotsMin) {}

  void Prefetch(Fingerprint fingerprint) const { PrefetchLine(&slots_[HomeOf(fingerprint)]); }

  // Calls visit(tag) for every entry with this fingerprint.
  template <class Visit>
  void Find(Fingerprint fingerprint, Visit&& visit) const {
    for (size_t at = HomeOf(fingerprint); slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at] >> kFingerprintShift == fingerprint) visit(static_cast<uint8_t>(slots_[at] >> 1));
    }
  }

  // Calls visit(fingerprint, tag) for every entry.
  template <class Visit>
  void ForEach(Visit&& visit) const {
    for (uint64_t slot : slots_) {
      if (slot != 0) visit(slot >> kFingerprintShift, static_cast<uint8_t>(slot >> 1));
    }
  }

  // False when too many that are alike stand in its way; it is not in then. Precondition: !full().
  [[nodiscard]] bool Insert(Fingerprint fingerprint, uint8_t tag);

  bool full() const { return size_ == kEntriesMax; }
  uint64_t bytes() const { return slots_.size() * sizeof(uint64_t); }

 private:
  static constexpr size_t kEntriesMax = size_t{1} << 19;
  static constexpr size_t kSlotsMin = 64;
  static constexpr int kFingerprintShift = 9;  // above the tag and a bit that is set where a slot is taken
  // At half full the longest run of taken slots is some 70 for random fingerprints.
  static constexpr size_t kRunMax = 1024;

  size_t HomeOf(Fingerprint fingerprint) const { return fingerprint & (slots_.size() - 1); }
  [[nodiscard]] bool Place(uint64_t slot);
  [[nodiscard]] bool Double();

  std::vector<uint64_t> slots_;
  size_t size_ = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FINGERPRINT_SLOTS_H_
