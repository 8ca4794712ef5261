#include "engine/delta_set.h"

namespace tallymark {
namespace {

// A page: a thousand filters that count little take a few megabytes.
constexpr uint32_t kFilterFirstSlots = 256;

}  // namespace

CounterDelta* DeltaSet::Of(uint32_t filter) {
  if (filter == kEverything) return &everything_;
  std::unique_ptr<CounterDelta>& delta = filters_[filter];
  if (!delta) delta = std::make_unique<CounterDelta>(&pools_->filters, kFilterFirstSlots);
  return delta.get();
}

uint32_t DeltaSet::rows() const {
  uint32_t rows = 0;
  ForEach([&](uint32_t, const CounterDelta& delta) { rows += delta.rows(); });
  return rows;
}

uint64_t DeltaSet::bytes() const {
  uint64_t bytes = 0;
  ForEach([&](uint32_t, const CounterDelta& delta) { bytes += delta.bytes(); });
  return bytes;
}

void DeltaSet::Clear() {
  everything_.Clear();
  std::erase_if(filters_, [](const auto& entry) { return entry.second->empty(); });
  for (auto& [filter, delta] : filters_) delta->Clear();
}

}  // namespace tallymark
