#ifndef TALLYMARK_SERVER_EXPIRED_CONVERSIONS_H_
#define TALLYMARK_SERVER_EXPIRED_CONVERSIONS_H_

#include <mutex>
#include <span>

#include "engine/engine.h"
#include "server/services.h"

namespace tallymark {

// Takes conversions that no click came for from the engine and makes dead letters of them. Thread safe.
class ExpiredConversions {
 public:
  // True once the disk has their letters. False before Start, since the engine is open before there
  // is a place for letters, and while they cannot be written.
  [[nodiscard]] bool Take(std::span<const RawEvent> events);
  // `services` must outlive the engine's last call of Take.
  void Start(const Services* services);

 private:
  std::mutex mutex_;
  const Services* services_ = nullptr;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_EXPIRED_CONVERSIONS_H_
