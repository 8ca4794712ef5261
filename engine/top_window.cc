#include "engine/top_window.h"

#include <algorithm>

namespace tallymark {

namespace {

constexpr int64_t kTotalMax = std::numeric_limits<uint32_t>::max();

}  // namespace

void TopWindow::Advance(int32_t end, const AdAmounts& change) {
  AdAmounts totals = change;
  totals.resize(std::max(change.size(), totals_.size()));
  for (size_t ad = 0; ad < totals_.size(); ++ad) totals[ad] += totals_[ad];
  Restart(end, totals);
}

void TopWindow::Restart(int32_t end, const AdAmounts& totals) {
  end_ = end;
  valid_ = std::all_of(totals.begin(), totals.end(), [](int64_t t) { return t >= 0 && t <= kTotalMax; });
  if (valid_) totals_.assign(totals.begin(), totals.end());
}

}  // namespace tallymark
