#ifndef TALLYMARK_SERVER_JOB_HANDLERS_H_
#define TALLYMARK_SERVER_JOB_HANDLERS_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "server/http_types.h"
#include "server/json_text.h"
#include "server/services.h"

namespace tallymark {

// Jobs, see openapi.yaml.
HttpAnswer AnswerJobs(const Services& services, HttpRequest& request);       // GET /v1/jobs
HttpAnswer AnswerJob(const Services& services, HttpRequest& request);        // GET /v1/jobs/{id}
HttpAnswer AnswerCancelJob(const Services& services, HttpRequest& request);  // DELETE /v1/jobs/{id}

// Appends a job as JSON, without its result where many are listed.
void AppendJob(const JobInfo& job, bool with_result, JsonText* json);

// Appends the jobs, without their results, as a JSON array.
void AppendJobs(const std::vector<JobInfo>& jobs, JsonText* json);

// A share as a JSON number.
void AppendShare(double share, JsonText* json);

// 202 with the job: what a request answers that has begun one.
HttpAnswer JobAnswer(const JobInfo& job);

// Decimal digits with any number of leading zeros, at most `max`; empty when it is none.
std::optional<uint64_t> ReadNumber(std::string_view text, uint64_t max);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_JOB_HANDLERS_H_
