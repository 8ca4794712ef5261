#ifndef TALLYMARK_SERVER_EXPIRED_CONVERSIONS_H_
#define TALLYMARK_SERVER_EXPIRED_CONVERSIONS_H_

#include <mutex>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "server/services.h"

namespace tallymark {

// Takes conversions that no click came for from the engine and makes dead letters of them. The
// engine is open before there is a place for dead letters; what comes until then is kept. Thread safe.
class ExpiredConversions {
 public:
  void Take(const RawEvent& event);
  // From here on they go to the dead letters. `services` must outlive the engine's last call of Take.
  void Start(const Services* services);

 private:
  static void Reject(const Services& services, const std::string& line);

  std::mutex mutex_;
  const Services* services_ = nullptr;
  std::vector<std::string> early_;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_EXPIRED_CONVERSIONS_H_
