#ifndef TALLYMARK_ENGINE_TOP_WINDOW_H_
#define TALLYMARK_ENGINE_TOP_WINDOW_H_

#include <cstdint>
#include <limits>

#include "engine/big_vector.h"
#include "format/prefetch.h"

namespace tallymark {

// Amounts of one metric by number of the ad: 80 MB with 10M ads.
using AdAmounts = BigVector<int64_t>;

// Clicks of every ad over the 60 minutes that end with the current one, kept up to date event by
// event so that the commonest top list needs no reading. Not thread safe; the owner guards it, and
// moves it forward with the amounts that lists and deltas give for the minutes that enter and leave.
class TopWindow {
 public:
  static constexpr int32_t kMinutes = 60;

  // The window is [end - 60, end). Invalid until the first Restart.
  bool valid() const { return valid_; }
  int32_t end() const { return end_; }

  // Counts clicks of `ad` in `minute`; minutes outside the window are ignored.
  void Add(uint32_t ad, int32_t minute, int64_t clicks) {
    if (!valid_ || minute < end_ - kMinutes || minute >= end_) return;
    if (ad >= totals_.size()) totals_.resize(ad + ad / 2 + 1024);
    const int64_t sum = totals_[ad] + clicks;
    if (sum > std::numeric_limits<uint32_t>::max()) valid_ = false;  // the general way has room
    totals_[ad] = static_cast<uint32_t>(sum);
  }

  // Before Add: totals of 10M ads lie far apart.
  void Prefetch(uint32_t ad) const {
    if (ad < totals_.size()) PrefetchLine(&totals_[ad]);
  }

  // Moves the end forward: `change` is, by ad, what the minutes that enter add less what those that
  // leave took.
  void Advance(int32_t end, const AdAmounts& change);
  // Begins anew with these totals.
  void Restart(int32_t end, const AdAmounts& totals);

  const BigVector<uint32_t>& totals() const { return totals_; }

 private:
  bool valid_ = false;
  int32_t end_ = 0;
  BigVector<uint32_t> totals_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_TOP_WINDOW_H_
