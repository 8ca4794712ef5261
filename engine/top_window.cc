#include "engine/top_window.h"

#include <algorithm>

#include "format/time_units.h"

namespace tallymark {

TopWindow::Plan TopWindow::PlanMove(int32_t end) const {
  if (valid_ && end - end_ < kMinutes && HourOfMinute(end - 1) == HourOfMinute(end_))
    return {{end_, end}, {end_ - kMinutes, end - kMinutes}};
  return {{end - kMinutes, end}, {}};
}

void TopWindow::FinishMove(const AdAmounts& change) {
  const std::unique_ptr<WindowMove> move = std::move(move_);
  const bool anew = move->out().begin == move->out().end;
  if (anew) totals_.clear();
  totals_.resize(std::max({change.size(), totals_.size(), move->ads()}));
  valid_ = anew || valid_;
  end_ = move->in().end;
  for (uint32_t ad = 0; ad < totals_.size(); ++ad) {
    const int64_t total = totals_[ad] + (ad < change.size() ? change[ad] : 0) + move->Noted(ad);
    valid_ = valid_ && total >= 0 && total <= std::numeric_limits<uint32_t>::max();
    totals_[ad] = static_cast<uint32_t>(total);
  }
}

}  // namespace tallymark
