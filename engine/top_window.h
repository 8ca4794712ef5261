#ifndef TALLYMARK_ENGINE_TOP_WINDOW_H_
#define TALLYMARK_ENGINE_TOP_WINDOW_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "engine/answers.h"
#include "engine/big_vector.h"
#include "engine/window_move.h"
#include "format/prefetch.h"

namespace tallymark {

// Amounts of one metric by number of the ad: 80 MB with 10M ads.
using AdAmounts = BigVector<int64_t>;

// Clicks of every ad over the 60 minutes that end with the current one, kept up to date event by
// event so that the commonest top list needs no reading. Not thread safe; the owner guards it.
//
// It goes on to another end by a move: PlanMove says which minutes enter and leave, BeginMove makes Add note
// what comes of them, the owner adds up what they had when it began, in its own time, and FinishMove puts the
// two together. Until then the window is what it was.
class TopWindow {
 public:
  static constexpr int32_t kMinutes = 60;

  // The window is [end - 60, end). Invalid until the first move is through.
  bool valid() const { return valid_; }
  int32_t end() const { return end_; }

  // Counts clicks of `ad` in `minute`; minutes outside the window are ignored, unless they are entering.
  void Add(uint32_t ad, int32_t minute, int64_t clicks) {
    if (move_ != nullptr) move_->Note(ad, minute, clicks);
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

  // The minutes that enter and those that leave where the window is to end at `end`, which lies behind
  // its own. None leave where it has to be filled anew.
  struct Plan {
    MinuteRange in, out;
  };
  Plan PlanMove(int32_t end) const;
  // The move is its; one that is under way is given up.
  void BeginMove(std::unique_ptr<WindowMove> move) { move_ = std::move(move); }
  // Null where none is under way.
  const WindowMove* move() const { return move_.get(); }
  void AbandonMove() { move_.reset(); }
  // `change` is, by ad, what the minutes that enter had when the move began, less what those that leave
  // had. Precondition: a move is under way.
  void FinishMove(const AdAmounts& change);

  const BigVector<uint32_t>& totals() const { return totals_; }

 private:
  bool valid_ = false;
  int32_t end_ = 0;
  BigVector<uint32_t> totals_;
  std::unique_ptr<WindowMove> move_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_TOP_WINDOW_H_
