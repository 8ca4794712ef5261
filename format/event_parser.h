#ifndef TALLYMARK_FORMAT_EVENT_PARSER_H_
#define TALLYMARK_FORMAT_EVENT_PARSER_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "format/event_chunk.h"

namespace tallymark {

// Why a line was rejected. Names (RejectReasonName) appear in metrics and dead letters: stable.
enum class RejectReason : uint8_t {
  kParse = 0,          // not line protocol
  kUnknownKind,        // measurement is none of impression, click, conversion
  kDuplicateName,      // a name stands twice in the line
  kNoAd,               // no ad_id where one is needed
  kReservedAd,         // ad_id=popular_ads
  kIdTooLong,          // a known id over 128 bytes
  kTooManyAttributes,  // over 32 attributes
  kNameTooLong,        // an attribute name over 64 bytes
  kValueTooLong,       // an attribute value over 1 KiB
  kNotUtf8,
  kBadIp,
  kBadRevenue,  // not a decimal, more than six decimals, out of range
  kBadTime,     // timestamp does not fit int64 nanoseconds
  kTooOld,
  kInFuture,
  kLineTooLong,        // over kMaxLineBytes
  kTruncated,          // connection ended inside a line
  kConversionExpired,  // was accepted, and no click came for it within the time to wait
};
inline constexpr int kRejectReasonCount = 18;
std::string_view RejectReasonName(RejectReason reason);  // "parse", "unknown_kind", "no_ad", ...

inline constexpr size_t kMaxLineBytes = 64 * 1024;
inline constexpr size_t kMaxIdBytes = 128;
inline constexpr size_t kMaxAttributes = 32;
inline constexpr size_t kMaxAttributeNameBytes = 64;
inline constexpr size_t kMaxAttributeValueBytes = 1024;

struct EventParseOptions {
  int64_t unit_ns = 1;                                      // nanoseconds per unit of the line's timestamps
  int64_t read_time_ns = 0;                                 // the time of the first line that carries none
  int64_t read_step_ns = 0;                                 // by how much later the next such line was read
  int64_t oldest_ns = std::numeric_limits<int64_t>::min();  // earlier events are too_old
  int64_t newest_ns = std::numeric_limits<int64_t>::max();  // later events are in_future
  // true (TCP): LF always ends a line. false (HTTP): an LF inside a quoted string belongs to it.
  bool lf_always_ends_line = true;
};

// A rejected line. `text_offset`/`text_size` locate it in the chunk's text.
struct RejectedLine {
  RejectReason reason = RejectReason::kParse;
  uint32_t line = 0;    // 1-based within the chunk
  uint32_t column = 0;  // 1-based byte where it went wrong, 0 when the whole line is meant
  uint32_t text_offset = 0;
  uint32_t text_size = 0;
  std::string detail;  // for people: what was expected or found
};

// A line that begins with "#sync " or "#auth " (SPEC 2.1). Any other # line is a comment.
struct Directive {
  enum class Kind : uint8_t { kSync, kAuth };
  Kind kind = Kind::kSync;
  uint32_t segment = 0;  // it ends this segment of the chunk: its counts are the segment's and earlier ones'
  bool valid = true;     // token is 1..64 printable bytes without space
  std::string token;
};

// What one Parse call found besides events.
struct ParseReport {
  std::vector<RejectedLine> rejected;
  std::vector<Directive> directives;  // empty unless directives were asked for
  uint32_t lines = 0;  // event lines: accepted by the parser + rejected; no comments, no blanks
};

// Turns lines into events. Learns the shape of the lines it sees (names, order, types) and reads
// further lines of the same shape by comparing bytes; everything else takes the strict grammar of
// line_protocol.h. Both give the same events, which a test and a fuzzer hold against each other.
//
// Keep one per connection or worker: what it learnt is its only state. Not thread safe.
class EventParser {
 public:
  // How bytes are scanned. kBest asks the CPU once; the others exist for tests and benchmarks.
  enum class Isa : uint8_t { kBest, kBaseline, kAvx2 };

  explicit EventParser(Isa isa = Isa::kBest);
  ~EventParser();
  EventParser(EventParser&&) noexcept;
  EventParser& operator=(EventParser&&) noexcept;

  // Parses chunk->text[0, text.size()) as whole lines (the last may lack its LF) and fills
  // chunk->events (identity and content_check included), extras and segments. Texts are not
  // copied, except those that had to be rewritten. `want_directives`: report #sync and #auth
  // and cut a segment at each; otherwise they are comments. Never fails as a whole: each bad line
  // is reported and the others go on.
  void Parse(const EventParseOptions& options, bool want_directives, EventChunk* chunk, ParseReport* report);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_EVENT_PARSER_H_
