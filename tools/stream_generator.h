#ifndef TALLYMARK_TOOLS_STREAM_GENERATOR_H_
#define TALLYMARK_TOOLS_STREAM_GENERATOR_H_

#include <cstdint>
#include <string>

#include "format/event_chunk.h"
#include "format/status.h"
#include "format/time_units.h"
#include "tools/random.h"
#include "tools/zipf.h"

namespace tallymark {

// What a stream looks like. Shares are of all lines, 0..1.
struct StreamOptions {
  uint64_t seed = 1;
  uint64_t ads = 100'000;  // ad ids ad0000001 and on; the smaller, the more events
  double zipf = 1.1;       // exponent of the ads' popularity; 0 makes all equal
  uint64_t users = 1'000'000;
  double duplicates = 0.03;                 // lines that repeat an earlier line exactly; at most 0.9
  double bad_lines = 0;                     // lines that must be rejected
  double late = 0.02;                       // events whose time lies before their place in the stream
  double impressions = 0;                   // of the events; what is neither is a click
  double conversions = 0;                   // of the events; each names an earlier click and carries its ad
  int64_t late_spread_ns = 2 * kNsPerHour;  // how far back at most
  int64_t start_ns = 1'609'459'200 * kNsPerSecond;  // 2021-01-01, time of line 0
  double interval_ns = 864'000;                     // from line to line (here: a day for 100M lines)
  int64_t resolution_ns = kNsPerMs;                 // times are multiples of this
};

enum class LineClass : uint8_t { kFresh, kDuplicate, kBad };

// One event as the generator makes it; WriteLine gives it as text.
struct GeneratedEvent {
  EventKind kind = EventKind::kClick;
  uint64_t ad = 0;  // 1-based
  int64_t time_ns = 0;
  uint64_t id_high = 0, id_low = 0;  // a version 4 UUID
  uint64_t user = 0;
  uint32_t ip = 0;  // IPv4
  uint8_t country = 0;
  bool has_click = false;  // conversions: the click's UUID
  uint64_t click_high = 0, click_low = 0;
  int64_t revenue_micros = 0;  // conversions
};

// A realistic stream of event lines in which line i is a pure function of (options, i): any stretch
// can be made at any time, by several threads, again after a crash, and what a server must have
// counted afterwards is known without remembering anything (see stream_totals.h).
//
// Lines look like
//   click,ad_id=ad0000042,country=USA event_id="f0c5...",user_id="u123",ip="11.2.3.4" 1609459200000000000
// and take about 141 bytes. Immutable after construction, thread safe.
class StreamGenerator {
 public:
  // No line is longer than this.
  static constexpr size_t kLineBytesMax = 512;

  // kInvalid: a share or count out of range.
  static Status Check(const StreamOptions& options);

  // The options must have passed Check.
  explicit StreamGenerator(const StreamOptions& options);

  const StreamOptions& options() const { return options_; }

  // Writes line i with its line feed at `out`, which has kLineBytesMax bytes, and returns its end.
  char* WriteLine(uint64_t i, char* out) const;

  // Writes lines *next and on, below `end`, while they fit for certain between `out` and `limit`.
  // Returns the end of what was written; *next is the first line that was not.
  char* WriteLines(uint64_t* next, uint64_t end, char* out, char* limit) const;

  // Line 0 is always fresh.
  LineClass ClassOf(uint64_t i) const;
  // The fresh line, earlier than i, that the duplicate i repeats: three in four lie at most
  // kNearLines back, the others anywhere before.
  uint64_t OriginOf(uint64_t i) const;
  static constexpr uint64_t kNearLines = 1000;
  // What a fresh line says.
  GeneratedEvent EventAt(uint64_t i) const;

  static std::string AdName(uint64_t ad);  // "ad0000042"

 private:
  Draws DrawsOf(uint64_t i) const { return Draws(Mix64(key_ ^ i)); }
  int64_t TimeOf(uint64_t i, const Draws& draws) const;
  EventKind KindOf(const Draws& draws) const;
  bool FindClick(uint64_t i, const Draws& draws, uint64_t* click) const;
  void FillUser(const Draws& draws, GeneratedEvent* event) const;
  char* WriteBadLine(uint64_t i, char* out) const;

  StreamOptions options_;
  uint64_t key_;
  Zipf zipf_;
  // Shares as bounds on 32 random bits.
  uint64_t bad_below_, duplicate_below_, late_below_, impression_below_, conversion_below_;
};

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_STREAM_GENERATOR_H_
