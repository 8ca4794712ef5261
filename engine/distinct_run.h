#ifndef TALLYMARK_ENGINE_DISTINCT_RUN_H_
#define TALLYMARK_ENGINE_DISTINCT_RUN_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/key_order.h"
#include "engine/slab.h"
#include "format/distinct_element.h"
#include "format/raw_block.h"
#include "format/time_units.h"

namespace tallymark {

// Lends memory to runs, cut one after another from slabs on huge pages: first touch of fresh small pages
// would cost as much as filling them. A slab goes back to LargePool with the last run in it; runs of about
// one age go at one checkpoint. Thread safe. What it lent may outlive it.
class RunMemory {
 public:
  static constexpr size_t kSlabBytes = size_t{8} << 20;

  // Not zeroed, aligned to 64 bytes. Goes back when the last owner lets go.
  std::shared_ptr<char> Take(size_t bytes);

 private:
  std::mutex mutex_;
  std::shared_ptr<Slab> current_;
  size_t used_ = 0;  // of current_
};

// The people of one event, counted in an hour of an ad; kNoElement where there is none.
struct PeopleRow {
  uint32_t ad = 0;
  int32_t hour = 0;
  DistinctElement user;
  DistinctElement address;
};
static_assert(sizeof(PeopleRow) == 32);

// The users and addresses of some events: groups by (ad, hour), ascending, each with its elements in
// any order, repeated or not. Immutable.
class DistinctRun {
 public:
  struct Group {
    uint32_t ad = 0;
    int32_t hour = 0;
    uint32_t users_begin = 0;
    uint32_t ips_begin = 0;

    // Ascends as groups do: by ad, then by hour.
    uint64_t key() const { return KeyOf(ad, hour); }
  };
  static uint64_t KeyOf(uint32_t ad, int32_t hour) { return uint64_t{ad} << 32 | HourBits(hour); }

  // Copies what it is given. `groups` has one more at its end, whose begins are the ends of the last.
  DistinctRun(RunMemory* memory, std::span<const Group> groups, std::span<const DistinctElement> users,
              std::span<const DistinctElement> ips);
  DistinctRun(const DistinctRun&) = delete;
  DistinctRun& operator=(const DistinctRun&) = delete;

  size_t size() const { return count_; }
  const Group& group(size_t i) const { return groups_[i]; }
  std::span<const DistinctElement> users(size_t i) const {
    return {users_ + groups_[i].users_begin, users_ + groups_[i + 1].users_begin};
  }
  std::span<const DistinctElement> ips(size_t i) const {
    return {ips_ + groups_[i].ips_begin, ips_ + groups_[i + 1].ips_begin};
  }
  // The first group at or after (ad, hour), looked for from `first` on.
  size_t LowerBound(uint32_t ad, int32_t hour, size_t first = 0) const;

  // Of both kinds.
  size_t elements() const { return groups_[count_].users_begin + groups_[count_].ips_begin; }
  size_t bytes() const { return bytes_; }
  int32_t hour_min() const { return hour_min_; }
  int32_t hour_max() const { return hour_max_; }

 private:
  std::shared_ptr<char> lent_;    // of large runs
  std::unique_ptr<char[]> heap_;  // of small ones
  size_t count_ = 0;
  size_t bytes_ = 0;
  int32_t hour_min_ = INT32_MAX;
  int32_t hour_max_ = INT32_MIN;
  const Group* groups_ = nullptr;
  const DistinctElement* users_ = nullptr;
  const DistinctElement* ips_ = nullptr;
};

// Makes runs. Keeps scratch memory; one a thread. Null results: no event has a user or an address.
class DistinctRunBuilder {
 public:
  explicit DistinctRunBuilder(std::shared_ptr<RunMemory> memory) : memory_(std::move(memory)) {}

  // In any order; where they ascend by (ad, hour), as those of one hour do in a batch, none is sorted.
  std::shared_ptr<const DistinctRun> FromRows(std::span<const PeopleRow> rows);
  // `only_hour`: events of other hours are passed over.
  std::shared_ptr<const DistinctRun> FromBlock(const PeopleColumns& columns,
                                               const int32_t* only_hour = nullptr);
  std::shared_ptr<const DistinctRun> Merge(const DistinctRun& a, const DistinctRun& b);

 private:
  void Begin();
  void Add(const PeopleRow& row);
  void AddGroup(const DistinctRun& run, size_t i);
  void OpenGroup(uint32_t ad, int32_t hour);
  std::shared_ptr<const DistinctRun> Finish();

  const std::shared_ptr<RunMemory> memory_;
  std::vector<PeopleRow> block_rows_;
  KeyOrder order_;
  std::vector<DistinctRun::Group> groups_;
  std::vector<DistinctElement> users_, ips_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_DISTINCT_RUN_H_
