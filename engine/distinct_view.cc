#include "engine/distinct_view.h"

#include "engine/meta_keys.h"
#include "engine/position_file.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

// Runs of small batches are merged until they hold this many elements: a reader looks into every run.
constexpr size_t kMergedElementsMax = 32 * 1024;

bool MergeIsDue(const DistinctRun& former, const DistinctRun& run) {
  return run.elements() * 2 >= former.elements() && run.elements() + former.elements() <= kMergedElementsMax;
}

uint64_t BytesOf(const std::vector<std::shared_ptr<const DistinctRun>>& runs) {
  uint64_t bytes = 0;
  for (const auto& run : runs) bytes += run->bytes();
  return bytes;
}

}  // namespace

DistinctView::DistinctView(Storage* storage, std::shared_ptr<RetentionPositions> retention, bool enabled)
    : storage_(storage), retention_(std::move(retention)), enabled_(enabled) {}

Status DistinctView::WritePosition(const DistinctPosition& position) {
  Result<IngestFile> file = WritePositionFile(storage_, {{kPositionDistinct, position.Encode()}});
  return file.ok() ? storage_->Ingest({*file}) : file.status();
}

// A directory that never had the view is like one in which it was off.
Status DistinctView::Load(const LogState& log) {
  DistinctPosition stored;
  stored.active = log.last_sequence == 0;
  Result<std::string> bytes = storage_->Get(Family::kPositions, kPositionDistinct);
  const bool known = bytes.ok();
  if (known && !stored.Decode(*bytes)) return Status::Corruption("positions/distinct is unreadable");
  if (!known && bytes.status().code() != Code::kNotFound) return bytes.status();
  DistinctPosition now = stored;
  now.active = enabled_;
  if (enabled_ && !stored.active) {
    now.covered_sequence = log.last_sequence;
    now.complete_from = log.last_sequence == 0 ? INT32_MIN : HourOf(log.newest_ns) + 1;
  }
  covered_sequence_ = now.covered_sequence;
  complete_from_ = now.complete_from;
  const bool unwritten = known ? now != stored : enabled_;
  return unwritten ? WritePosition(now) : Status::Ok();
}

// Runs of about one size become one, so that each element moves a few times at most. Readers see the
// former runs until what holds them all stands in their place; only this thread changes the list.
void DistinctView::Apply(std::shared_ptr<const DistinctRun> run) {
  if (run == nullptr) return;
  size_t kept = live_.size();
  uint64_t merged_bytes = 0;
  for (; kept > 0 && MergeIsDue(*live_[kept - 1], *run); --kept) {
    merged_bytes += live_[kept - 1]->bytes();
    run = builder_.Merge(*live_[kept - 1], *run);
  }
  std::lock_guard lock(runs_mutex_);
  live_bytes_ = live_bytes_ - merged_bytes + run->bytes();
  live_.resize(kept);
  live_.push_back(std::move(run));
}

Status DistinctView::Replay(std::string_view block) {
  PeopleColumns columns;
  Status decoded = DecodePeopleColumns(block, &columns);
  if (decoded.ok()) Apply(builder_.FromBlock(columns));
  return decoded;
}

bool DistinctView::Freeze(uint64_t sequence) {
  if (!enabled_ || sequence == covered_sequence_) return false;
  std::lock_guard lock(runs_mutex_);
  frozen_ = std::make_shared<const Runs>(std::move(live_));
  live_.clear();
  live_bytes_ = 0;
  frozen_sequence_ = sequence;
  return true;
}

Status DistinctView::IngestAndPublish(const std::function<Status()>& ingest) {
  return gate_.Exclude([&] {
    Status status = ingest();
    if (!status.ok()) return status;
    std::lock_guard lock(runs_mutex_);
    covered_sequence_ = frozen_sequence_.load();
    frozen_sequence_ = 0;
    frozen_.reset();
    return status;
  });
}

uint64_t DistinctView::delta_bytes() const {
  std::lock_guard lock(runs_mutex_);
  return live_bytes() + (frozen_ ? BytesOf(*frozen_) : 0);
}

}  // namespace tallymark
