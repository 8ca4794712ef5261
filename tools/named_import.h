#ifndef TALLYMARK_TOOLS_NAMED_IMPORT_H_
#define TALLYMARK_TOOLS_NAMED_IMPORT_H_

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "format/status.h"
#include "tools/http_client.h"

namespace tallymark {

// Hands a file to a server under a name (POST /v1/imports) and follows the job until it is at rest.
// A server that is busy, restarting or out of reach is waited for: the import goes on there, and
// asking again under the same name leads to the same job. One thread.
class NamedImport {
 public:
  struct Options {
    // Gives up when nothing has been answered for this long.
    std::chrono::seconds patience{120};
    // How to wait; replaced in tests.
    std::function<void(std::chrono::milliseconds)> sleep;
    // Gets the job's share of what is done, 0..1, now and then.
    std::function<void(double share)> progress;
  };

  // `http` must outlive the object.
  NamedImport(HttpClient* http, Options options);

  // `target` is that of the request; `body` the file. The report as one line of JSON, or why there
  // is none: kInvalid with the server's words, kUnavailable when patience is at its end.
  Result<std::string> Run(const std::string& target, std::string_view body);

 private:
  // What the server made of the file: a job to follow, or at once the report of an earlier try
  // whose answer was lost.
  struct Started {
    std::string job_id;
    std::string report;
  };

  Result<Started> Start(const std::string& target, std::string_view body);
  Result<std::string> Follow(const std::string& job_id);
  // Waits before another try; false when patience is at its end.
  bool Wait(std::chrono::milliseconds pause);

  HttpClient* const http_;
  Options options_;
  std::chrono::milliseconds waited_{0};  // since the last answer
};

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_NAMED_IMPORT_H_
