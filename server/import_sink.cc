#include "server/import_sink.h"

#include <chrono>
#include <future>
#include <thread>
#include <utility>

namespace tallymark {
namespace {

constexpr auto kRetryPause = std::chrono::milliseconds(200);

// Waits until the engine has answered for the chunk.
Result<BatchCounts> AppendAndWait(Engine& engine, const std::shared_ptr<const EventChunk>& chunk) {
  std::promise<std::pair<Status, BatchCounts>> promise;
  auto answered = promise.get_future();
  engine.Append(chunk, [&promise](const Status& status, std::span<const SegmentTally> tallies) {
    BatchCounts counts;
    for (const SegmentTally& tally : tallies) {
      counts.accepted += tally.accepted;
      counts.duplicates += tally.duplicates;
    }
    promise.set_value({status, counts});
  });
  auto [status, counts] = answered.get();
  if (!status.ok()) return status;
  return counts;
}

}  // namespace

EngineImportSink::EngineImportSink(const Services& services, JobContext* job, MappedFile* file,
                                   std::string name, ImportRecord* record, bool continued)
    : services_(services),
      job_(job),
      file_(file),
      name_(std::move(name)),
      record_(record),
      unsure_(continued) {}

EventParseOptions EngineImportSink::Rules() {
  AcceptedTimes times = services_.engine.AcceptedTimesNow();
  return {
      .read_time_ns = services_.clock.NowNs(), .oldest_ns = times.oldest_ns, .newest_ns = times.newest_ns};
}

// While writes are stopped (a full disk) the batch waits here. After any other failure the rows come again
// with the next run, so nothing is reported of them.
Result<BatchCounts> EngineImportSink::Store(const ImportBatch& batch) {
  BatchCounts counts;
  if (!batch.chunk->events.empty()) {
    auto stored = AppendAndWait(services_.engine, batch.chunk);
    while (!stored.ok() && !job_->ShouldStop()) {
      unsure_ = true;
      std::this_thread::sleep_for(kRetryPause);
      stored = AppendAndWait(services_.engine, batch.chunk);
    }
    if (!stored.ok()) return Status::Unavailable(stored.status().message());
    counts = *stored;
    counts.unsure = std::exchange(unsure_, false);
  }
  RejectLines(services_, *batch.chunk, batch.parsed, "import " + name_);
  return counts;
}

Status EngineImportSink::Advance(size_t position, double begin, double end) {
  file_->Release(position);
  const double share = static_cast<double>(position) / static_cast<double>(file_->bytes().size());
  job_->SetProgress(begin + (end - begin) * share);
  return job_->ShouldStop() ? Status::Unavailable("the import was asked to stop") : Status::Ok();
}

Status EngineImportSink::OnChecked(size_t position) { return Advance(position, 0, kCheckedShare); }

Status EngineImportSink::OnStored(size_t position, const ImportReport& report) {
  record_->report = report;
  if (Status s = services_.engine.PutImport(name_, *record_, /*durable=*/false); !s.ok()) {
    return Status::Unavailable(s.message());
  }
  return Advance(position, kCheckedShare, 1);
}

}  // namespace tallymark
