#include "engine/distinct_run.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "format/time_units.h"

namespace tallymark {
namespace {

// Larger runs live in lent memory, smaller ones on the heap, which reuses small pieces by itself.
constexpr size_t kLentBytes = size_t{64} << 10;
constexpr size_t kAlignment = 64;

}  // namespace

std::shared_ptr<char> RunMemory::Take(size_t bytes) {
  const size_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (size > kSlabBytes) {
    auto own = std::make_shared<Slab>(Slab::Unclean(size));
    return {own, own->data()};
  }
  std::shared_ptr<Slab> former;  // given back without the lock
  std::lock_guard lock(mutex_);
  if (current_ == nullptr || used_ + size > kSlabBytes) {
    former = std::exchange(current_, std::make_shared<Slab>(Slab::Unclean(kSlabBytes)));
    used_ = 0;
  }
  return {current_, current_->data() + std::exchange(used_, used_ + size)};
}

DistinctRun::DistinctRun(RunMemory* memory, std::span<const Group> groups,
                         std::span<const DistinctElement> users, std::span<const DistinctElement> ips)
    : count_(groups.size() - 1) {
  bytes_ = groups.size_bytes() + users.size_bytes() + ips.size_bytes();
  char* at = nullptr;
  if (bytes_ >= kLentBytes) {
    lent_ = memory->Take(bytes_);
    at = lent_.get();
  } else {
    heap_ = std::make_unique_for_overwrite<char[]>(bytes_);
    at = heap_.get();
  }
  auto copy = [&at]<class T>(std::span<const T> from) {
    const char* to = at;
    if (!from.empty()) std::memcpy(at, from.data(), from.size_bytes());
    at += from.size_bytes();
    return reinterpret_cast<const T*>(to);
  };
  groups_ = copy(groups);
  users_ = copy(users);
  ips_ = copy(ips);
  for (const Group& g : groups.first(count_)) {
    hour_min_ = std::min(hour_min_, g.hour);
    hour_max_ = std::max(hour_max_, g.hour);
  }
}

size_t DistinctRun::LowerBound(uint32_t ad, int32_t hour, size_t first) const {
  const uint64_t key = KeyOf(ad, hour);
  const Group* found = std::lower_bound(groups_ + first, groups_ + count_, key,
                                        [](const Group& g, uint64_t wanted) { return g.key() < wanted; });
  return static_cast<size_t>(found - groups_);
}

void DistinctRunBuilder::Begin() {
  groups_.clear();
  users_.clear();
  ips_.clear();
}

void DistinctRunBuilder::OpenGroup(uint32_t ad, int32_t hour) {
  if (!groups_.empty() && groups_.back().ad == ad && groups_.back().hour == hour) return;
  groups_.push_back({ad, hour, static_cast<uint32_t>(users_.size()), static_cast<uint32_t>(ips_.size())});
}

void DistinctRunBuilder::Add(const PeopleRow& row) {
  const bool has_user = row.user != kNoElement;
  const bool has_address = row.address != kNoElement;
  if (!has_user && !has_address) return;
  OpenGroup(row.ad, row.hour);
  if (has_user) users_.push_back(row.user);
  if (has_address) ips_.push_back(row.address);
}

void DistinctRunBuilder::AddGroup(const DistinctRun& run, size_t i) {
  OpenGroup(run.group(i).ad, run.group(i).hour);
  const std::span<const DistinctElement> users = run.users(i);
  const std::span<const DistinctElement> ips = run.ips(i);
  users_.insert(users_.end(), users.begin(), users.end());
  ips_.insert(ips_.end(), ips.begin(), ips.end());
}

std::shared_ptr<const DistinctRun> DistinctRunBuilder::Finish() {
  if (groups_.empty()) return nullptr;
  groups_.push_back({0, 0, static_cast<uint32_t>(users_.size()), static_cast<uint32_t>(ips_.size())});
  return std::make_shared<const DistinctRun>(memory_.get(), groups_, users_, ips_);
}

std::shared_ptr<const DistinctRun> DistinctRunBuilder::FromRows(std::span<const PeopleRow> rows) {
  Begin();
  order_.Clear();
  for (const PeopleRow& row : rows) order_.Add(row.ad, HourBits(row.hour));
  for (uint32_t place : order_.Sort()) Add(rows[place]);
  return Finish();
}

std::shared_ptr<const DistinctRun> DistinctRunBuilder::FromBlock(const PeopleColumns& columns,
                                                                 const int32_t* only_hour) {
  block_rows_.clear();
  for (size_t i = 0; i < columns.ads.size(); ++i) {
    const int32_t hour = HourOf(columns.times_ns[i]);
    if (only_hour != nullptr && hour != *only_hour) continue;
    block_rows_.push_back(
        {columns.ads[i], hour, UserElement(columns.users[i]), AddressElement(columns.ips[i])});
  }
  return FromRows(block_rows_);
}

std::shared_ptr<const DistinctRun> DistinctRunBuilder::Merge(const DistinctRun& a, const DistinctRun& b) {
  Begin();
  for (size_t i = 0, k = 0; i < a.size() || k < b.size();) {
    const bool from_a = k == b.size() || (i < a.size() && a.group(i).key() <= b.group(k).key());
    if (from_a) {
      AddGroup(a, i++);
    } else {
      AddGroup(b, k++);
    }
  }
  return Finish();
}

}  // namespace tallymark
