#include "server/expired_conversions.h"

#include "engine/event_line.h"

namespace tallymark {

bool ExpiredConversions::Take(std::span<const RawEvent> events) {
  std::lock_guard lock(mutex_);
  if (services_ == nullptr) return false;
  DeadLetters& letters = services_->dead_letters;
  const uint64_t dropped = letters.dropped();
  for (const RawEvent& event : events) {
    RejectLine(*services_, RejectReason::kConversionExpired, EventLine(event),
               "accepted, and no click with this click_id came within the time to wait", "engine");
  }
  return letters.Sync() && letters.dropped() == dropped;
}

void ExpiredConversions::Start(const Services* services) {
  std::lock_guard lock(mutex_);
  services_ = services;
}

}  // namespace tallymark
