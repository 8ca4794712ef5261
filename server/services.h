#ifndef TALLYMARK_SERVER_SERVICES_H_
#define TALLYMARK_SERVER_SERVICES_H_

#include <cstdint>
#include <string>

#include "engine/engine.h"
#include "server/byte_budget.h"
#include "server/dead_letters.h"
#include "server/server_metrics.h"

namespace tallymark {

class Imports;

inline constexpr std::string_view kVersion = "0.2.0";

// What connections and request handlers work with. Everything referred to is thread safe and
// outlives every connection; the texts do not change once the ports accept.
struct Services {
  Engine& engine;
  const Clock& clock;
  ServerMetrics& metrics;
  DeadLetters& dead_letters;
  ByteBudget& ingest_budget;  // TCP: bytes read and not yet answered by the engine
  ByteBudget& body_budget;    // HTTP: request bodies, packed and unpacked
  int64_t started_ns = 0;     // by the clock
  std::string ingest_address;
  std::string http_address;
  std::string data_dir;
  Imports* imports = nullptr;  // set before the ports accept
};

// Counts a rejected line and keeps it as a dead letter. `line` may be the beginning of it (`cut`).
void RejectLine(const Services& services, RejectReason reason, std::string_view line, std::string detail,
                const std::string& source, bool cut = false);

// The same for every rejection of a parsed chunk.
void RejectLines(const Services& services, const EventChunk& chunk, const ParseReport& report,
                 const std::string& source);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_SERVICES_H_
