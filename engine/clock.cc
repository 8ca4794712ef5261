#include "engine/clock.h"

#include <chrono>

namespace tallymark {
namespace {

class SystemClock final : public Clock {
 public:
  int64_t NowNs() const override {
    auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  }
};

}  // namespace

const Clock& Clock::System() {
  static const SystemClock kClock;
  return kClock;
}

}  // namespace tallymark
