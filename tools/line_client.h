#ifndef TALLYMARK_TOOLS_LINE_CLIENT_H_
#define TALLYMARK_TOOLS_LINE_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "format/status.h"
#include "tools/host_port.h"

namespace tallymark {

// The counts of a "synced" answer.
struct SyncedCounts {
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t rejected = 0;
};

// A connection to a server's ingest port (SPEC 2.1). Blocking; one thread.
class LineClient {
 public:
  // kUnavailable when nobody answers there.
  static Result<std::unique_ptr<LineClient>> Connect(const HostPort& address);
  virtual ~LineClient() = default;

  // Sends whole lines. Blocks while the server holds its sender back. kIo: the connection is lost.
  virtual Status Send(std::string_view lines) = 0;

  // Sends #sync and waits until everything before it is durable. kIo: the connection is lost or
  // the server refused, with its words.
  virtual Result<SyncedCounts> Sync(std::string_view token) = 0;
};

// Reads "synced TOKEN accepted=N duplicates=N rejected=N". kIo with the server's words otherwise.
Result<SyncedCounts> ParseSynced(std::string_view line, std::string_view token);

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_LINE_CLIENT_H_
