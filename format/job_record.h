#ifndef TALLYMARK_FORMAT_JOB_RECORD_H_
#define TALLYMARK_FORMAT_JOB_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "format/status.h"

namespace tallymark {

// Stored: never renumber.
enum class JobState : uint8_t {
  kRunning = 1,  // or waiting for its turn
  kDone = 2,
  kFailed = 3,
  kCancelled = 4,
  kCancelling = 5,  // cancelled by somebody and not yet at rest
};

// "running", "done", "failed" or "cancelled"; a job that is being cancelled still runs.
std::string_view JobStateName(JobState state);
inline bool IsAtRest(JobState state) { return state != JobState::kRunning && state != JobState::kCancelling; }

inline constexpr uint32_t kProgressWhole = 1'000'000;

// A job as it is kept: a value of the column family `jobs`, see job_record.md.
struct JobRecord {
  std::string kind;
  JobState state = JobState::kRunning;
  uint32_t progress = 0;  // in parts of kProgressWhole
  int64_t started_ns = 0;
  int64_t ended_ns = 0;    // 0 until it is at rest
  std::string parameters;  // what was asked for; the kind's own bytes
  std::string saved;       // how far it came; the kind's own bytes
  std::string result;      // JSON; empty: none
  std::string error;       // why it failed
  friend bool operator==(const JobRecord&, const JobRecord&) = default;
};

std::string EncodeJobRecord(const JobRecord& record);
// Corruption says what is wrong; *record is unspecified then.
Status DecodeJobRecord(std::string_view bytes, JobRecord* record);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_JOB_RECORD_H_
