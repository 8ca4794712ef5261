#ifndef TALLYMARK_TOOLS_WRITE_CLIENT_H_
#define TALLYMARK_TOOLS_WRITE_CLIENT_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "format/status.h"
#include "tools/http_client.h"

namespace tallymark {

// What a server said of a batch of lines.
struct WriteCounts {
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t rejected = 0;
  std::string first_rejection;  // the server's words about the first rejected line
  // The answer to an earlier try of this batch was lost. The server may have stored it then, so
  // up to `duplicates` of its lines may have been stored by this very batch.
  bool answer_was_lost = false;
};

// Sends batches of line protocol by POST /api/v2/write and does not give up over what may pass:
// 429 and 503 are repeated after their Retry-After, a lost connection is opened again. One thread.
class WriteClient {
 public:
  struct Options {
    // Gives up when nothing has been answered for this long.
    std::chrono::seconds patience{120};
    // How to wait; replaced in tests.
    std::function<void(std::chrono::milliseconds)> sleep;
  };

  WriteClient(std::unique_ptr<HttpClient> http, Options options);

  // Whole lines with nanosecond times. kUnavailable: patience is at its end, with the last reason.
  // kInvalid: the server refuses the batch as a whole.
  Result<WriteCounts> Write(std::string_view lines);

 private:
  std::unique_ptr<HttpClient> http_;
  Options options_;
};

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_WRITE_CLIENT_H_
