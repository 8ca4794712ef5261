#include "tools/write_client.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <thread>

namespace tallymark {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstWait{100};
constexpr milliseconds kLongestWait{5000};

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

Result<WriteCounts> CountsOf(const HttpAnswer& answer) {
  auto accepted = Number(answer.Header("tallymark-accepted"));
  auto duplicates = Number(answer.Header("tallymark-duplicates"));
  auto rejected = Number(answer.Header("tallymark-rejected"));
  bool partial = answer.status == 400 || answer.status == 422;
  if ((answer.status != 204 && !partial) || !accepted || !duplicates || !rejected) {
    return Status::Invalid("the server refused: " + ErrorDetail(answer));
  }
  WriteCounts counts{*accepted, *duplicates, *rejected, "", false};
  if (partial) counts.first_rejection = ErrorDetail(answer);
  return counts;
}

}  // namespace

WriteClient::WriteClient(std::unique_ptr<HttpClient> http, Options options)
    : http_(std::move(http)), options_(std::move(options)) {
  if (!options_.sleep) options_.sleep = [](milliseconds time) { std::this_thread::sleep_for(time); };
}

Result<WriteCounts> WriteClient::Write(std::string_view lines) {
  milliseconds waited{0}, wait = kFirstWait;
  bool answer_was_lost = false;
  while (true) {
    auto answer = http_->Post("/api/v2/write?precision=ns", "text/plain; charset=utf-8", lines);
    std::string reason;
    milliseconds pause = wait;
    if (!answer.ok()) {
      reason = answer.status().message();
      answer_was_lost = answer_was_lost || answer.status().code() == Code::kIo;
    } else if (answer->status == 429 || answer->status == 503) {
      reason = ErrorDetail(*answer);
      if (auto seconds = Number(answer->Header("retry-after"))) {
        pause = std::chrono::seconds(std::min<uint64_t>(*seconds, 600));
      }
    } else {
      auto counts = CountsOf(*answer);
      if (counts.ok()) counts->answer_was_lost = answer_was_lost;
      return counts;
    }
    if (waited >= options_.patience) return Status::Unavailable(reason);
    pause = std::min<milliseconds>(pause, options_.patience - waited);
    options_.sleep(pause);
    // A wait of 0 counts too, or a server that says so would be asked for ever.
    waited += std::max(pause, milliseconds(1));
    wait = std::min(wait * 2, kLongestWait);
  }
}

}  // namespace tallymark
