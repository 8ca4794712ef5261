#include "server/services.h"

#include <utility>

namespace tallymark {

void RejectLine(const Services& services, RejectReason reason, std::string_view line, std::string detail,
                const std::string& source, bool cut) {
  services.metrics.CountRejected(reason);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  services.dead_letters.Add({.time_ns = services.clock.NowNs(),
                             .reason = std::string(RejectReasonName(reason)),
                             .detail = std::move(detail),
                             .source = source,
                             .text = std::string(line),
                             .cut = cut});
}

void RejectLines(const Services& services, const EventChunk& chunk, const ParseReport& report,
                 const std::string& source) {
  for (const RejectedLine& rejected : report.rejected) {
    std::string_view text = chunk.text;
    std::string_view line = text.substr(rejected.text_offset, rejected.text_size);
    bool cut = line.size() > kMaxLineBytes;
    std::string detail = rejected.detail;
    if (rejected.column != 0) detail += " (column " + std::to_string(rejected.column) + ")";
    RejectLine(services, rejected.reason, cut ? line.substr(0, 1024) : line, std::move(detail), source, cut);
  }
}

}  // namespace tallymark
