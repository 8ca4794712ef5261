// What counting again needs of a Core.

#include "engine/core.h"
#include "engine/meta_keys.h"
#include "engine/position_file.h"

namespace tallymark {

CountedMoment Core::TakeMoment() const {
  CountedMoment moment;
  {
    ReadGate::Pass raw = storage_->raw_gate().Enter();
    counters_->InsideGate([&](uint64_t covered_sequence) {
      moment.covered_sequence = covered_sequence;
      moment.OpenIterators(*storage_);
    });
  }
  // Afterwards: what the iterators no longer show lies before these.
  moment.raw_from = retention_->raw.load();
  moment.minutes_from = retention_->minutes.load();
  moment.hours_from = retention_->hours.load();
  return moment;
}

Core::RawPin Core::PinRaw() {
  std::lock_guard lock(checkpoint_mutex_);
  ++raw_pins_;
  return RawPin(nullptr, [this](void*) {
    std::lock_guard unlock(checkpoint_mutex_);
    --raw_pins_;
    raw_unpinned_.notify_all();
  });
}

Status Core::ReplaceHour(const WriteHour& write) {
  std::lock_guard lock(checkpoint_mutex_);
  if (checkpoint_failed_)
    return Status::Unavailable("a checkpoint has failed; memory is rebuilt from the log");
  Result<CounterView::HourReplacement> replacement = write(counters_->covered_sequence());
  if (!replacement.ok()) return replacement.status();
  Result<CounterView::Files> written = counters_->WriteReplacement(*replacement);
  if (!written.ok()) return written.status();
  Result<IngestFile> positions = WritePositionFile(storage_.get(), {{kPositionCounters, written->position}});
  if (!positions.ok()) return positions.status();
  written->files.push_back(*positions);
  Status status =
      counters_->IngestReplacement(replacement->hour, [&] { return storage_->Ingest(written->files); });
  if (!status.ok()) context_.on_failure(status);
  return status;
}

}  // namespace tallymark
