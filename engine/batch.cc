#include "engine/batch.h"

#include <algorithm>

#include "engine/learned_ads.h"
#include "format/prefetch.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

// Hours with fewer events than this share a block with their neighbours of the day, so that a
// shuffled import of a year does not make a block an event.
constexpr size_t kThinHourEvents = 64;
// A block buffer that grew beyond this is given back: ordinary blocks take some 200 KB.
constexpr size_t kKeptBlockBytes = size_t{4} << 20;

}  // namespace

void BatchEncoder::Sort(std::vector<BatchRow>* rows, size_t begin, size_t end, bool by_hour) {
  if (end - begin < 2) return;
  order_.Clear();
  for (size_t i = begin; i < end; ++i) order_.Add(by_hour ? HourBits((*rows)[i].hour) : 0, (*rows)[i].ref.ad);
  sorted_.clear();
  for (uint32_t place : order_.Sort()) sorted_.push_back((*rows)[begin + place]);
  if (sorted_.size() == rows->size()) {
    rows->swap(sorted_);
  } else {
    std::copy(sorted_.begin(), sorted_.end(), rows->begin() + static_cast<ptrdiff_t>(begin));
  }
}

std::vector<BatchEncoder::Group> BatchEncoder::GroupByHour(const std::vector<BatchRow>& rows) {
  std::vector<Group> groups;
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin;
    while (end < rows.size() && rows[end].hour == rows[begin].hour) ++end;
    const bool thin = end - begin < kThinHourEvents;
    const bool joins = thin && !groups.empty() && groups.back().end - groups.back().begin < kThinHourEvents &&
                       DayOfHour(rows[groups.back().begin].hour) == DayOfHour(rows[begin].hour);
    if (joins) {
      groups.back().end = end;
      groups.back().spans_hours = true;
    } else {
      groups.push_back({begin, end, false});
    }
    begin = end;
  }
  return groups;
}

// The first look at the block's events, which lie scattered, sorted by ad.
void BatchEncoder::GatherEvents(Batch* batch, BatchBlock* block, std::vector<PeopleRow>* people) {
  constexpr size_t kPrefetchDistance = 16;
  const size_t end = block->first_row + block->info.count;
  auto [min, max] = std::pair(INT64_MAX, INT64_MIN);
  refs_.clear();
  for (size_t i = block->first_row; i < end; ++i) {
    if (i + kPrefetchDistance < end) PrefetchObject(*batch->rows[i + kPrefetchDistance].ref.event);
    const EventRef& ref = batch->rows[i].ref;
    refs_.push_back(ref);
    batch->counted.emplace_back(ref.ad, *ref.event);
    if (people != nullptr)
      people->push_back({ref.ad, batch->rows[i].hour, ref.event->user, ref.event->address});
    if (CarriesOwner(*ref.event)) batch->owner_rows.push_back(static_cast<uint32_t>(i));
    min = std::min(min, ref.event->time_ns);
    max = std::max(max, ref.event->time_ns);
  }
  block->info.time_min_ns = min;
  block->info.time_max_ns = max;
}

void BatchEncoder::EncodeGroup(Batch* batch, const Group& group, std::vector<PeopleRow>* people) {
  if (group.spans_hours) Sort(&batch->rows, group.begin, group.end, false);
  const int32_t hour = batch->rows[group.begin].hour;
  for (size_t begin = group.begin; begin < group.end; begin += kRawBlockEventsMax) {
    const size_t end = std::min(group.end, begin + kRawBlockEventsMax);
    BatchBlock block;
    block.first_row = begin;
    block.spans_hours = group.spans_hours;
    block.index_hour = group.spans_hours ? DayOfHour(hour) * kHoursPerDay : hour;
    block.info.count = static_cast<uint32_t>(end - begin);
    block.info.ad_min = batch->rows[begin].ref.ad;
    block.info.ad_max = batch->rows[end - 1].ref.ad;
    GatherEvents(batch, &block, people);
    // Grown in memory that is kept, since growing it anew touches several times as many fresh pages.
    bytes_.clear();
    encoder_.Encode(refs_, &bytes_);
    block.bytes = bytes_;
    if (bytes_.capacity() > kKeptBlockBytes) bytes_ = std::string();
    batch->blocks.push_back(std::move(block));
  }
}

void BatchEncoder::Encode(Batch* batch, std::vector<PeopleRow>* people) {
  Sort(&batch->rows, 0, batch->rows.size(), true);
  batch->counted.reserve(batch->rows.size());
  if (people != nullptr) people->clear();
  for (const Group& group : GroupByHour(batch->rows)) EncodeGroup(batch, group, people);
  if (batch->filters && !batch->filters->empty()) MatchFilters(batch);
}

// When the rows are in their final order.
void BatchEncoder::MatchFilters(Batch* batch) {
  for (uint32_t row = 0; row < batch->rows.size(); ++row) {
    const EventRef& ref = batch->rows[row].ref;
    places_.clear();
    matcher_.Match(*batch->filters, *ref.chunk, *ref.event, &places_);
    for (uint32_t place : places_) batch->matches.push_back({row, place});
  }
}

}  // namespace tallymark
