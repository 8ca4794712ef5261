#ifndef TALLYMARK_ENGINE_CLOCK_H_
#define TALLYMARK_ENGINE_CLOCK_H_

#include <cstdint>

namespace tallymark {

// Wall clock, passed in so that tests and simulations own the time. Implementations are thread
// safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowNs() const = 0;  // nanoseconds since the epoch, UTC
  static const Clock& System();
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_CLOCK_H_
