#ifndef TALLYMARK_ENGINE_INSPECT_DIRECTORY_H_
#define TALLYMARK_ENGINE_INSPECT_DIRECTORY_H_

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/ad_table.h"
#include "engine/counter_position.h"
#include "engine/distinct_position.h"
#include "engine/event_reader.h"
#include "engine/filter_set.h"
#include "engine/identity_manifest.h"
#include "engine/log_state.h"
#include "engine/storage.h"
#include "format/filter_record.h"

namespace tallymark {

// A filter whose counters must be what raw says: everything, or a version that is counted whole.
struct CountedFilter {
  uint32_t number = 0;  // internal
  uint32_t id = 0;      // as users know it
  uint64_t active_from = 0;
  int32_t complete_from_hour = std::numeric_limits<int32_t>::min();
  FilterDefinition definition;
};

// A data directory opened for reading, with the small values that say what it holds. What it shows
// does not change, whatever a live owner does: opened files stay readable when they are removed.
// One thread.
class InspectedDirectory {
 public:
  // A live directory is opened beside its owner, a stopped or crashed one alone. kNotFound: there is
  // none. kInvalid: a newer format. kCorruption names the file that RocksDB cannot open, or the
  // value that cannot be read.
  static Result<std::unique_ptr<InspectedDirectory>> Open(const std::string& data_dir);

  // Every view has passed this position: what lies beyond must be in the log.
  uint64_t PassedSequence() const;

  // Calls visit for each block of the log after position `after`, in order. Corruption when one is
  // missing; stops at the first error of `visit`.
  Status ForEachTailBlock(
      uint64_t after, const std::function<Status(uint64_t sequence, std::string_view block)>& visit) const;

  // The versions of filters whose counters answer queries.
  FilterSet AnsweringFilters() const;
  // Everything, and the versions that are counted whole.
  std::vector<CountedFilter> WholeFilters() const;

  // The hour lies before the position: retention has taken it.
  bool RawIsGone(int32_t hour) const { return hour < retention->raw.load(); }
  bool MinutesAreGone(int32_t hour) const { return hour < retention->minutes.load() || HoursAreGone(hour); }
  bool HoursAreGone(int32_t hour) const { return hour < retention->hours.load(); }

  bool live = false;
  std::shared_ptr<RetentionPositions> retention = std::make_shared<RetentionPositions>();
  std::unique_ptr<Storage> storage;
  LogState log;
  CounterPosition counters;
  IdentityManifest identities;
  std::map<uint32_t, FilterRecord> filters;  // by the number users know
  // Of the internal numbers whose counters answer queries.
  std::map<uint32_t, uint32_t> filter_ids;
  DistinctPosition distinct{.active = false};
  // The smallest dedup window the directory was ever written with; 0 when it is not known. Two
  // events of one identity never lie closer.
  int64_t dedup_window_ns = 0;
  AdTable ads;
  std::unique_ptr<EventReader> events;

 private:
  InspectedDirectory() = default;
  static Result<std::unique_ptr<InspectedDirectory>> OpenOnce(const StorageOptions& options);
  Status Load();
  Status LoadFilters();
  Status CheckWhole() const;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_INSPECT_DIRECTORY_H_
