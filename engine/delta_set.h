#ifndef TALLYMARK_ENGINE_DELTA_SET_H_
#define TALLYMARK_ENGINE_DELTA_SET_H_

#include <cstdint>
#include <map>
#include <memory>

#include "engine/counter_delta.h"

namespace tallymark {

// Where the deltas of a DeltaSet get their memory. Filters may be many and count little: theirs comes
// in small pieces.
struct DeltaPools {
  PiecePool everything{CounterDelta::kPieceBytes};
  PiecePool filters{size_t{16} << 10};
};

// Counters that no checkpoint holds yet, of filter 0 (everything) and of any number of others, by
// their internal numbers (FilterVersion::number). Not thread safe: one writer, readers excluded by
// the owner.
class DeltaSet {
 public:
  static constexpr uint32_t kEverything = 0;

  explicit DeltaSet(DeltaPools* pools) : pools_(pools), everything_(&pools->everything) {}

  CounterDelta& everything() { return everything_; }
  const CounterDelta& everything() const { return everything_; }

  // Null when nothing is counted for the filter.
  const CounterDelta* Find(uint32_t filter) const {
    if (filter == kEverything) return &everything_;
    auto found = filters_.find(filter);
    return found == filters_.end() ? nullptr : found->second.get();
  }
  // Made when it is not there; stays where it is until Clear.
  CounterDelta* Of(uint32_t filter);

  // Calls visit(filter, delta) by ascending number, everything first.
  template <class Visit>
  void ForEach(Visit&& visit) const {
    visit(kEverything, everything_);
    for (const auto& [filter, delta] : filters_) visit(filter, *delta);
  }

  bool empty() const { return rows() == 0; }
  uint32_t rows() const;
  uint64_t bytes() const;

  // Forgets everything and keeps the memory of what was in use.
  void Clear();

 private:
  DeltaPools* const pools_;
  CounterDelta everything_;
  std::map<uint32_t, std::unique_ptr<CounterDelta>> filters_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_DELTA_SET_H_
