#ifndef TALLYMARK_ENGINE_WINDOW_MOVE_H_
#define TALLYMARK_ENGINE_WINDOW_MOVE_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/answers.h"
#include "engine/big_vector.h"
#include "engine/hour_range.h"
#include "format/time_units.h"

namespace tallymark {

// A TopWindow on its way to another end, while clicks go on coming: which minutes enter it and which
// leave, and what was counted in them since the move began, by ad and hour. Who reads rows of a delta one
// after the other takes from each what had been noted for it by then; what is left is the row as it was
// when the move began, whenever it is read. Not thread safe; guarded as the window is.
class WindowMove {
 public:
  // The minutes of both lie in two hours that follow each other, or in one. Notes of what enters begin with
  // room for `ads`; what leaves is an hour old, and hardly anything comes there any more.
  WindowMove(MinuteRange in, MinuteRange out, size_t ads) : in_(in), out_(out) {
    for (const int32_t minute : {in.begin, in.end - 1}) notes_[PlaceOf(HourOfMinute(minute))].resize(ads);
  }

  MinuteRange in() const { return in_; }
  MinuteRange out() const { return out_; }

  // How often a click of this minute counts: 1 where the minute enters, -1 where it leaves.
  int Sign(int32_t minute) const {
    return static_cast<int>(Has(in_, minute)) - static_cast<int>(Has(out_, minute));
  }
  // Of its minutes: two at most.
  HourRange hours() const { return HoursOf({out_.begin < out_.end ? out_.begin : in_.begin, in_.end}); }

  void Note(uint32_t ad, int32_t minute, int64_t clicks) {
    const int sign = Sign(minute);
    if (sign == 0) return;
    Notes& notes = notes_[PlaceOf(HourOfMinute(minute))];
    if (ad >= notes.size()) notes.resize(ad + ad / 2 + 1024);
    notes[ad] += sign * static_cast<int32_t>(clicks);
  }
  int64_t Noted(uint32_t ad, int32_t hour) const {
    const Notes& notes = notes_[PlaceOf(hour)];
    return ad < notes.size() ? notes[ad] : 0;
  }
  int64_t Noted(uint32_t ad) const { return Noted(ad, 0) + Noted(ad, 1); }
  // No ad from here on has notes.
  size_t ads() const { return std::max(notes_[0].size(), notes_[1].size()); }

 private:
  // 2^31 clicks of one ad in one minute do not come within the second that a move takes.
  using Notes = BigVector<int32_t>;

  static bool Has(MinuteRange range, int32_t minute) { return range.begin <= minute && minute < range.end; }
  static size_t PlaceOf(int32_t hour) { return static_cast<size_t>(hour & 1); }

  MinuteRange in_, out_;
  std::array<Notes, 2> notes_;  // by the hour's last bit
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_WINDOW_MOVE_H_
