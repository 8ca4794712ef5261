#include "format/job_record.h"

#include "format/checksum.h"
#include "format/coding.h"

namespace tallymark {
namespace {

constexpr uint8_t kVersion = 1;

bool GetText(std::string_view* in, std::string* out) {
  std::string_view text;
  if (!GetLengthPrefixed(in, &text)) return false;
  *out = text;
  return true;
}

bool GetState(std::string_view* in, JobState* state) {
  uint8_t number = 0;
  if (!GetFixed(in, &number) || number < 1 || number > static_cast<uint8_t>(JobState::kCancelling)) {
    return false;
  }
  *state = static_cast<JobState>(number);
  return true;
}

}  // namespace

std::string_view JobStateName(JobState state) {
  switch (state) {
    case JobState::kRunning:
    case JobState::kCancelling:
      return "running";
    case JobState::kDone:
      return "done";
    case JobState::kFailed:
      return "failed";
    case JobState::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string EncodeJobRecord(const JobRecord& record) {
  std::string out;
  PutFixed(&out, kVersion);
  PutFixed(&out, static_cast<uint8_t>(record.state));
  PutFixed(&out, record.progress);
  PutFixed(&out, record.started_ns);
  PutFixed(&out, record.ended_ns);
  PutLengthPrefixed(&out, record.kind);
  PutLengthPrefixed(&out, record.parameters);
  PutLengthPrefixed(&out, record.saved);
  PutLengthPrefixed(&out, record.result);
  PutLengthPrefixed(&out, record.error);
  PutFixed(&out, Checksum32(out));
  return out;
}

Status DecodeJobRecord(std::string_view bytes, JobRecord* record) {
  std::string_view sum = bytes.size() < sizeof(uint32_t) ? "" : bytes.substr(bytes.size() - sizeof(uint32_t));
  uint32_t checksum = 0;
  if (!GetFixed(&sum, &checksum)) return Status::Corruption("a job's record is too short");
  bytes.remove_suffix(sizeof(uint32_t));
  if (Checksum32(bytes) != checksum) return Status::Corruption("a job's record has a wrong checksum");
  uint8_t version = 0;
  if (!GetFixed(&bytes, &version) || version != kVersion) {
    return Status::Corruption("a job's record has version " + std::to_string(version));
  }
  const bool whole = GetState(&bytes, &record->state) && GetFixed(&bytes, &record->progress) &&
                     record->progress <= kProgressWhole && GetFixed(&bytes, &record->started_ns) &&
                     GetFixed(&bytes, &record->ended_ns) && GetText(&bytes, &record->kind) &&
                     GetText(&bytes, &record->parameters) && GetText(&bytes, &record->saved) &&
                     GetText(&bytes, &record->result) && GetText(&bytes, &record->error) && bytes.empty();
  return whole ? Status::Ok() : Status::Corruption("a job's record does not decode");
}

}  // namespace tallymark
