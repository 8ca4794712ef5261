// A checkpoint of DistinctView as a sorted file.

#include <algorithm>
#include <span>

#include "engine/big_vector.h"
#include "engine/distinct_view.h"
#include "engine/radix_sort.h"
#include "format/keys.h"
#include "format/prefetch.h"

namespace tallymark {
namespace {

// Groups are sorted in slices of ads of about this many, so that memory is bounded.
constexpr uint64_t kSliceGroups = 1'000'000;

// Where a group is: of which run, which one.
struct GroupItem {
  uint64_t key = 0;  // ad, then hour, as DistinctKey orders them
  uint32_t run = 0;
  uint32_t group = 0;
};

}  // namespace

// Folds runs into rows, ads ascending, and writes them.
class DistinctView::RowWriter {
 public:
  RowWriter(Storage* storage, const Runs& runs) : storage_(storage), runs_(runs), next_(runs.size()) {}

  Status Write(std::vector<IngestFile>* files) {
    uint64_t groups = 0;
    uint64_t ads = 0;
    for (const auto& run : runs_) {
      groups += run->size();
      ads = std::max(ads, uint64_t{run->group(run->size() - 1).ad} + 1);
    }
    if (groups == 0) return Status::Ok();
    writer_ = storage_->NewFileWriter(Family::kDistinct);
    files->push_back({Family::kDistinct, storage_->ScratchPath("distinct")});
    rocksdb::Status status = writer_->Open(files->back().path);
    const uint64_t slices = groups / kSliceGroups + 1;
    items_.reserve(std::min(groups, kSliceGroups + kSliceGroups / 2));
    for (uint64_t slice = 1; slice <= slices && status.ok(); ++slice)
      status = WriteSlice(ads * slice / slices);
    if (status.ok()) status = writer_->Finish();
    return FromRocks(status, "write distinct rows");
  }

 private:
  // Rows of the ads before `end_ad` that were not written yet.
  rocksdb::Status WriteSlice(uint64_t end_ad) {
    items_.clear();
    for (size_t r = 0; r < runs_.size(); ++r) {
      const DistinctRun& run = *runs_[r];
      for (; next_[r] < run.size() && run.group(next_[r]).ad < end_ad; ++next_[r])
        items_.push_back(
            {run.group(next_[r]).key(), static_cast<uint32_t>(r), static_cast<uint32_t>(next_[r])});
    }
    RadixSort(&items_, &scratch_);
    rocksdb::Status status;
    for (size_t i = 0; i < items_.size() && status.ok(); ++i) {
      if (i % kPrefetchGroup == 0) PrefetchFrom(i);
      const DistinctRun& run = *runs_[items_[i].run];
      row_.users.Add(run.users(items_[i].group));
      row_.ips.Add(run.ips(items_[i].group));
      if (i + 1 == items_.size() || items_[i + 1].key != items_[i].key)
        status = WriteRow(run.group(items_[i].group));
    }
    return status;
  }

  // Before the items from `begin` on are folded: their elements, and the groups of the items after them.
  void PrefetchFrom(size_t begin) const {
    const std::span<const GroupItem> items(items_);
    for (const GroupItem& item : PrefetchGroup(items, begin, 0)) {
      PrefetchLine(runs_[item.run]->users(item.group).data());
      PrefetchLine(runs_[item.run]->ips(item.group).data());
    }
    for (const GroupItem& item : PrefetchGroup(items, begin, 1))
      PrefetchLine(&runs_[item.run]->group(item.group));
  }

  rocksdb::Status WriteRow(const DistinctRun::Group& group) {
    bytes_.clear();
    EncodeDistinctRow(&row_, &bytes_);
    row_.Clear();
    return writer_->Merge(DistinctKey{group.ad, group.hour}.Encode(), bytes_);
  }

  Storage* const storage_;
  const Runs& runs_;
  std::vector<size_t> next_;  // by run: its first group that was not written yet
  BigVector<GroupItem> items_, scratch_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  DistinctRow row_;
  std::string bytes_;
};

Status DistinctView::IngestRuns(const Runs& runs) {
  std::vector<IngestFile> files;
  Status written = RowWriter(storage_, runs).Write(&files);
  return written.ok() ? gate_.Exclude([&] { return storage_->Ingest(files); }) : written;
}

Result<DistinctView::Files> DistinctView::WriteFiles() {
  std::shared_ptr<const Runs> runs;
  {
    std::lock_guard lock(runs_mutex_);
    runs = frozen_;
  }
  Files out;
  Status written = RowWriter(storage_, *runs).Write(&out.files);
  if (!written.ok()) return written;
  out.position = DistinctPosition{frozen_sequence_, complete_from_, true}.Encode();
  return out;
}

}  // namespace tallymark
