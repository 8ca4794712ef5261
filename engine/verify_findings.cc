#include "engine/verify_findings.h"

#include <algorithm>

namespace tallymark {

void VerifyFindings::Damage(std::string text) {
  if (report_.damage_count++ < kListedMax) report_.damage.push_back(std::move(text));
}

void VerifyFindings::Mismatch(Place place, uint32_t ad, int64_t bucket_ms, std::string metric,
                              std::string counted, std::string raw, uint32_t filter_id) {
  ++report_.mismatch_count;
  if (listed_[static_cast<size_t>(place)]++ >= kListedMax) return;
  VerifyReport::Mismatch mismatch;
  if (ad < directory_.ads.size()) mismatch.ad_id = directory_.ads.Name(ad);
  mismatch.bucket_ms = bucket_ms;
  mismatch.filter_id = filter_id;
  mismatch.metric = std::move(metric);
  mismatch.counted = std::move(counted);
  mismatch.raw = std::move(raw);
  report_.mismatches.push_back(std::move(mismatch));
}

void VerifyFindings::BeginPhase(double begin, double end) {
  begin_ = begin;
  end_ = end;
  Progress(0);
}

void VerifyFindings::Progress(double share) const {
  if (progress_) progress_(begin_ + (end_ - begin_) * std::clamp(share, 0.0, 1.0));
}

}  // namespace tallymark
