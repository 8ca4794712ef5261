#ifndef TALLYMARK_ENGINE_READ_VIEW_H_
#define TALLYMARK_ENGINE_READ_VIEW_H_

#include <atomic>
#include <memory>
#include <utility>

#include "engine/delta_set.h"

namespace tallymark {

// What a reader of counters adds to the rows on disk. Readers take it and open their iterators
// inside the counters' gate, so that they see either side of a checkpoint whole, and hold a
// shared_ptr to it for as long as they read.
struct ReadView {
  std::shared_ptr<const DeltaSet> frozen;  // may be null
  std::shared_ptr<const DeltaSet> live;

  // `alive` counts the views that somebody holds. It goes down with release order, so that whoever
  // sees that with acquire order comes after everything that was read through the view: the
  // count of a shared_ptr does not promise that to one who only looks at it.
  ReadView(std::shared_ptr<const DeltaSet> frozen_delta, std::shared_ptr<const DeltaSet> live_delta,
           std::atomic<int>* alive)
      : frozen(std::move(frozen_delta)), live(std::move(live_delta)), alive_(alive) {
    alive_->fetch_add(1, std::memory_order_relaxed);
  }
  ~ReadView() { alive_->fetch_sub(1, std::memory_order_release); }
  ReadView(const ReadView&) = delete;
  ReadView& operator=(const ReadView&) = delete;

 private:
  std::atomic<int>* const alive_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_READ_VIEW_H_
