#ifndef TALLYMARK_ENGINE_RANGE_TABLE_H_
#define TALLYMARK_ENGINE_RANGE_TABLE_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace tallymark {

// Which of many ranges hold a number. The ranges are cut where any of them begins or ends; each
// stretch in between lists who covers it, so that a look-up is one binary search. Meant for ranges
// that lie inside one another or apart (networks), where no stretch has many. Built once, then read
// by any number of threads.
template <class Number>
class RangeTable {
 public:
  struct Range {
    Number first{};
    Number last{};  // inclusive
    uint32_t owner = 0;
  };

  RangeTable() = default;
  explicit RangeTable(std::vector<Range> ranges) {
    std::ranges::stable_sort(ranges, {}, &Range::first);
    std::vector<Number> cuts;
    for (const Range& r : ranges) {
      cuts.push_back(r.first);
      if (r.last != static_cast<Number>(~Number{0})) cuts.push_back(r.last + 1);
    }
    std::ranges::sort(cuts);
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    std::vector<Range> open;
    size_t next = 0;
    for (Number cut : cuts) {
      std::erase_if(open, [&](const Range& r) { return r.last < cut; });
      for (; next < ranges.size() && ranges[next].first == cut; ++next) open.push_back(ranges[next]);
      starts_.push_back(cut);
      begins_.push_back(static_cast<uint32_t>(owners_.size()));
      for (const Range& r : open) owners_.push_back(r.owner);
    }
    begins_.push_back(static_cast<uint32_t>(owners_.size()));
  }

  bool empty() const { return starts_.empty(); }

  // The owners of the ranges that hold `number`; valid as long as the table.
  std::span<const uint32_t> Find(Number number) const {
    const auto after = static_cast<size_t>(std::ranges::upper_bound(starts_, number) - starts_.begin());
    if (after == 0) return {};
    return std::span(owners_).subspan(begins_[after - 1], begins_[after] - begins_[after - 1]);
  }

 private:
  std::vector<Number> starts_;
  std::vector<uint32_t> begins_;  // into owners_, one more than starts_
  std::vector<uint32_t> owners_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_RANGE_TABLE_H_
