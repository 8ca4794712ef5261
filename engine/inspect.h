#ifndef TALLYMARK_ENGINE_INSPECT_H_
#define TALLYMARK_ENGINE_INSPECT_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace tallymark {

struct InspectRange {
  std::string ad_id;  // empty: every ad
  int64_t from_ns = std::numeric_limits<int64_t>::min();
  int64_t to_ns = std::numeric_limits<int64_t>::max();  // exclusive
};

struct CounterRecord {
  std::string ad_id;
  int64_t bucket_ms = 0;  // start of the minute or hour
  bool is_hour = false;
  uint32_t filter_id = 0;
  MetricSums sums;
};

// A filter, whichever of its versions is newest; see FilterInfo.
struct FilterDump {
  uint32_t id = 0;
  FilterDefinition definition;
  bool ready = false;
  uint32_t number = 0;  // the filter of counter keys that answers queries
  uint64_t active_from = 0;
  uint64_t job = 0;
};

// Distinct users and addresses of an ad's hour.
struct DistinctRecord {
  std::string ad_id;
  int64_t bucket_ms = 0;  // start of the hour
  DistinctCount users;
  DistinctCount ips;
  bool complete = true;  // false: distinct counts were off when some of its events may have come
};

// An ad of the catalogue.
struct AdRecord {
  std::optional<uint32_t> number;  // none: something was set, and no event has named it
  std::string ad_id;
  AdSettings entry;  // what was set, filled up with what events said
};

struct IdentityRecord {
  std::string id_hex;  // 32 hex digits
  std::string ad_id;
  int64_t hour_ms = 0;
  uint64_t sequence = 0;
  bool sealed = false;  // false: still only in the log
};

// What `tally verify` found. ok() only when every checksum holds and every count agrees.
struct VerifyReport {
  struct Mismatch {
    std::string ad_id;
    int64_t bucket_ms = 0;
    uint32_t filter_id = 0;
    std::string metric;
    std::string counted, raw;
  };
  uint64_t blocks = 0;
  uint64_t events = 0;
  uint64_t counter_rows = 0;
  uint64_t distinct_rows = 0;
  uint64_t identities = 0;
  // False in a directory of an earlier format, whose identities are of another rule; they are made anew
  // when the engine opens it.
  bool identities_compared = true;
  uint64_t top_lists = 0;
  std::vector<std::string> damage;   // checksum or structure errors, bounded list
  std::vector<Mismatch> mismatches;  // bounded list
  uint64_t damage_count = 0;
  uint64_t mismatch_count = 0;
  bool ok() const { return damage_count == 0 && mismatch_count == 0; }
};

// Reads a data directory without a server: stopped, crashed, or live (read-only beside it).
// Nothing in the directory is changed. One thread.
class Inspector {
 public:
  static Result<std::unique_ptr<Inspector>> Open(const std::string& data_dir);
  virtual ~Inspector() = default;

  // Each calls `emit` until it returns false; the order is stated.
  virtual Status ForEachEvent(
      const InspectRange& range,
      const std::function<bool(const RawEvent&)>& emit) = 0;  // by hour, then storage order
  // By (ad_id, bucket, filter_id). Rows plus what the log holds beyond their position.
  virtual Status ForEachCounter(const InspectRange& range, bool hours,
                                const std::function<bool(const CounterRecord&)>& emit) = 0;
  virtual Status ForEachFilter(const std::function<bool(const FilterDump&)>& emit) = 0;  // by id
  // By (ad_id, bucket). Rows plus what the log holds beyond their position.
  virtual Status ForEachDistinct(const InspectRange& range,
                                 const std::function<bool(const DistinctRecord&)>& emit) = 0;
  // Conversions that wait for their clicks, in order of arrival; an ad in the range leaves all out.
  virtual Status ForEachWaiting(const InspectRange& range,
                                const std::function<bool(const RawEvent&)>& emit) = 0;
  // By number, then those without one by id.
  virtual Status ForEachAd(const std::function<bool(const AdRecord&)>& emit) = 0;
  virtual Status ForEachIdentity(const InspectRange& range,
                                 const std::function<bool(const IdentityRecord&)>& emit) = 0;
  // (name, value) pairs: format version, positions, retention, counts.
  virtual Result<std::vector<std::pair<std::string, std::string>>> Meta() = 0;

  // Checks every checksum, recounts raw against counters and top lists, and every event against
  // the identities. `progress` gets a share 0..1 now and then.
  virtual Result<VerifyReport> Verify(const std::function<void(double)>& progress) = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_INSPECT_H_
