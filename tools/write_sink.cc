#include "tools/write_sink.h"

#include <utility>

namespace tallymark {

WriteSink::WriteSink(WriteClient* client, OnProgress checked, OnProgress stored)
    : client_(client), checked_(std::move(checked)), stored_(std::move(stored)) {}

Result<BatchCounts> WriteSink::Store(const ImportBatch& batch) {
  if (batch.lines.empty()) return BatchCounts();
  auto counts = client_->Write(batch.lines);
  if (!counts.ok()) return counts.status();
  return BatchCounts{.accepted = counts->accepted,
                     .duplicates = counts->duplicates,
                     .rejected = counts->rejected,
                     .first_rejection = counts->first_rejection,
                     .unsure = counts->answer_was_lost};
}

Status WriteSink::OnChecked(size_t position) {
  if (checked_) checked_(position, {});
  return Status::Ok();
}

Status WriteSink::OnStored(size_t position, const ImportReport& report) {
  if (stored_) stored_(position, report);
  return Status::Ok();
}

}  // namespace tallymark
