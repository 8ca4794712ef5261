#ifndef TALLYMARK_ENGINE_READ_VIEW_H_
#define TALLYMARK_ENGINE_READ_VIEW_H_

#include <memory>

#include "engine/counter_delta.h"

namespace tallymark {

// What a reader of counters adds to the rows on disk. Readers take it and open their iterators
// inside the counters' gate, so that they see either side of a checkpoint whole, and hold a
// shared_ptr to it for as long as they read.
struct ReadView {
  std::shared_ptr<const CounterDelta> frozen;  // may be null
  std::shared_ptr<const CounterDelta> live;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_READ_VIEW_H_
