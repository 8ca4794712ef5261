#ifndef TALLYMARK_ENGINE_VERIFY_FINDINGS_H_
#define TALLYMARK_ENGINE_VERIFY_FINDINGS_H_

#include <array>
#include <functional>
#include <string>
#include <utility>

#include "engine/inspect.h"
#include "engine/inspect_directory.h"

namespace tallymark {

// Gathers what a verification finds, in lists of bounded length that are counted in full, and tells
// how far it has come. One thread.
class VerifyFindings {
 public:
  VerifyFindings(const InspectedDirectory& directory, const std::function<void(double)>& progress)
      : directory_(directory), progress_(progress) {}

  // Bytes that are not what they must be.
  void Damage(std::string text);
  // What is stored beside raw (`counted`) and what raw says. `metric` also says where it is stored.
  // Each place has a list of its own length, so that a thousand of one do not hide one of another.
  enum class Place : uint8_t { kCounters, kTopLists, kIdentities, kDistinct };
  void Mismatch(Place place, uint32_t ad, int64_t bucket_ms, std::string metric, std::string counted,
                std::string raw, uint32_t filter_id = 0);

  // Progress from here on moves between these shares of the whole.
  void BeginPhase(double begin, double end);
  // `share`, 0..1, of the phase.
  void Progress(double share) const;

  VerifyReport& report() { return report_; }

 private:
  static constexpr size_t kListedMax = 100;

  const InspectedDirectory& directory_;
  const std::function<void(double)>& progress_;
  double begin_ = 0;
  double end_ = 1;
  std::array<size_t, 4> listed_{};  // by Place
  VerifyReport report_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_VERIFY_FINDINGS_H_
