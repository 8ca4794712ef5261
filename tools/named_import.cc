#include "tools/named_import.h"

#include <algorithm>
#include <boost/json.hpp>
#include <thread>
#include <utility>

namespace tallymark {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr milliseconds kPollTime{100};
constexpr milliseconds kRetryTime{500};

bool MayPass(const HttpAnswer& answer) { return answer.status == 429 || answer.status == 503; }

// The member of a JSON object, or null.
const json::value* Member(const json::value& object, std::string_view name) {
  return object.is_object() ? object.as_object().if_contains(json::string_view(name.data(), name.size()))
                            : nullptr;
}

json::value Parsed(const HttpAnswer& answer) {
  boost::system::error_code error;
  json::value value = json::parse(answer.body, error);
  return error ? json::value() : value;
}

std::string TextOf(const json::value* value) {
  if (value == nullptr || value->is_null()) return "";
  if (value->is_string()) return std::string(value->as_string());
  return json::serialize(*value);
}

// Why a job ended without a result.
std::string ReasonOf(const json::value& job) {
  std::string reason = TextOf(Member(job, "error"));
  const json::value* result = Member(job, "result");
  if (reason.empty() && result != nullptr) reason = TextOf(Member(*result, "error"));
  return reason.empty() ? "the server gives no reason" : reason;
}

}  // namespace

NamedImport::NamedImport(HttpClient* http, Options options) : http_(http), options_(std::move(options)) {
  if (!options_.sleep) options_.sleep = [](milliseconds time) { std::this_thread::sleep_for(time); };
}

bool NamedImport::Wait(milliseconds pause) {
  if (waited_ >= options_.patience) return false;
  options_.sleep(pause);
  waited_ += pause;
  return true;
}

Result<NamedImport::Started> NamedImport::Start(const std::string& target, std::string_view body) {
  bool answer_was_lost = false;
  while (true) {
    auto answer = http_->Post(target, "text/csv; charset=utf-8", body);
    std::string reason;
    if (!answer.ok()) {
      reason = answer.status().message();
      answer_was_lost = answer_was_lost || answer.status().code() == Code::kIo;
    } else if (MayPass(*answer)) {
      reason = ErrorDetail(*answer);
    } else {
      json::value value = Parsed(*answer);
      if (answer->status == 202) return Started{TextOf(Member(value, "id")), ""};
      const json::value* same = Member(value, "same_content");
      const json::value* report = Member(value, "result");
      const bool was_ours = answer_was_lost && same != nullptr && same->is_bool() && same->as_bool();
      if (was_ours && report != nullptr) return Started{"", json::serialize(*report)};
      return Status::Invalid("the server refused: " + ErrorDetail(*answer));
    }
    if (!Wait(kRetryTime)) return Status::Unavailable(reason);
  }
}

Result<std::string> NamedImport::Follow(const std::string& job_id) {
  const std::string target = HttpTarget({"v1", "jobs", job_id}, {});
  while (true) {
    auto answer = http_->Get(target);
    std::string reason = answer.ok() ? ErrorDetail(*answer) : answer.status().message();
    if (answer.ok() && answer->status == 200) {
      waited_ = milliseconds(0);
      json::value job = Parsed(*answer);
      const std::string state = TextOf(Member(job, "state"));
      if (state == "done") return TextOf(Member(job, "result"));
      if (state == "cancelled") return Status::Invalid("the import was cancelled; repeating it goes on");
      if (state != "running") return Status::Invalid(ReasonOf(job));
      const json::value* progress = Member(job, "progress");
      if (options_.progress && progress != nullptr && progress->is_number()) {
        options_.progress(progress->to_number<double>());
      }
      options_.sleep(kPollTime);
      continue;
    }
    if (answer.ok() && !MayPass(*answer)) return Status::Invalid("the server refused: " + reason);
    if (!Wait(kRetryTime)) return Status::Unavailable(reason);
  }
}

Result<std::string> NamedImport::Run(const std::string& target, std::string_view body) {
  waited_ = milliseconds(0);
  auto started = Start(target, body);
  if (!started.ok()) return started.status();
  waited_ = milliseconds(0);
  return started->job_id.empty() ? Result<std::string>(started->report) : Follow(started->job_id);
}

}  // namespace tallymark
