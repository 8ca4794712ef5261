#include "server/expired_conversions.h"

#include "engine/event_line.h"

namespace tallymark {

void ExpiredConversions::Reject(const Services& services, const std::string& line) {
  RejectLine(services, RejectReason::kConversionExpired, line,
             "accepted, and no click with this click_id came within the time to wait", "engine");
}

void ExpiredConversions::Take(const RawEvent& event) {
  std::string line = EventLine(event);
  std::lock_guard lock(mutex_);
  if (services_ != nullptr) {
    Reject(*services_, line);
  } else {
    early_.push_back(std::move(line));
  }
}

void ExpiredConversions::Start(const Services* services) {
  std::lock_guard lock(mutex_);
  services_ = services;
  for (const std::string& line : early_) Reject(*services, line);
  early_.clear();
}

}  // namespace tallymark
