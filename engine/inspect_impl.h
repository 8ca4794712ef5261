#ifndef TALLYMARK_ENGINE_INSPECT_IMPL_H_
#define TALLYMARK_ENGINE_INSPECT_IMPL_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/delta_set.h"
#include "engine/inspect.h"
#include "engine/inspect_directory.h"

namespace tallymark {

// The Inspector on an opened directory.
class InspectorImpl final : public Inspector {
 public:
  explicit InspectorImpl(std::unique_ptr<InspectedDirectory> directory) : directory_(std::move(directory)) {}

  Status ForEachEvent(const InspectRange& range, const std::function<bool(const RawEvent&)>& emit) override;
  Status ForEachCounter(const InspectRange& range, bool hours,
                        const std::function<bool(const CounterRecord&)>& emit) override;
  Status ForEachFilter(const std::function<bool(const FilterDump&)>& emit) override;
  Status ForEachDistinct(const InspectRange& range,
                         const std::function<bool(const DistinctRecord&)>& emit) override;
  Status ForEachWaiting(const InspectRange& range, const std::function<bool(const RawEvent&)>& emit) override;
  Status ForEachAd(const std::function<bool(const AdRecord&)>& emit) override;
  Status ForEachIdentity(const InspectRange& range,
                         const std::function<bool(const IdentityRecord&)>& emit) override;
  Result<std::vector<std::pair<std::string, std::string>>> Meta() override;
  Result<VerifyReport> Verify(const std::function<void(double)>& progress) override;

 private:
  using EntryVisit = std::function<bool(const IdentityEntry&, bool sealed)>;
  // Rows of one ad by (hour, filter as users know it), disk and log together.
  using AdRows = std::map<std::pair<int32_t, uint32_t>, HourRow>;

  Status LoadTail();
  Status CountTail(DeltaSet* tail) const;
  Status EventsOfHour(int32_t hour, const uint32_t* ad, const InspectRange& range,
                      const std::function<bool(const RawEvent&)>& emit, bool* more) const;
  std::vector<uint32_t> AdsByName(const std::string& only) const;
  Status CollectRows(rocksdb::Iterator* it, uint32_t ad, AdRows* rows) const;
  Status SealedIdentities(const EntryVisit& visit, bool* more) const;
  Status UnsealedIdentities(const EntryVisit& visit, bool* more) const;

  const std::unique_ptr<InspectedDirectory> directory_;

  // What the log holds beyond positions/counters; read when it is first asked for.
  struct TailRow {
    uint32_t ad = 0;
    int32_t hour = 0;
    uint32_t filter = 0;  // as users know it
    const CounterDelta* delta = nullptr;
    uint32_t slot = 0;
  };
  DeltaPools pools_;
  std::unique_ptr<DeltaSet> tail_;
  std::vector<TailRow> tail_rows_;  // by ad
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_INSPECT_IMPL_H_
