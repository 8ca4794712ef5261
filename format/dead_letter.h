#ifndef TALLYMARK_FORMAT_DEAD_LETTER_H_
#define TALLYMARK_FORMAT_DEAD_LETTER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/status.h"

namespace tallymark {

// Where rejected lines are kept: DATA_DIR/rejected/rejected-00000001.jsonl and on. The file with the
// greatest number is the current one; older ones are closed and the oldest go first. One JSON object
// a line:
//
//   {"time":"1609459200000000000","reason":"no_ad","detail":"...","source":"tcp 10.0.0.7:5012",
//    "text":"click event_id=..."}
//
// `time` is when the server rejected the line, nanoseconds since the epoch. A line that is not UTF-8
// stands as base64 in "text_base64" instead of "text". "cut":true says that only the beginning of
// the line was kept. A crash can leave a last record without its LF: readers pass it over.

inline constexpr std::string_view kDeadLetterDirectory = "rejected";

// "rejected-00000001.jsonl". Numbers begin at 1 and only grow.
std::string DeadLetterFileName(uint32_t number);
// Empty when the name is not one that DeadLetterFileName makes.
std::optional<uint32_t> DeadLetterFileNumber(std::string_view name);

struct DeadLetter {
  int64_t time_ns = 0;
  std::string reason;  // RejectReasonName, or the name another source of rejections gives
  std::string detail;  // for people, UTF-8
  std::string source;  // "tcp HOST:PORT", "http HOST:PORT", ...
  std::string text;    // the line's bytes without its line end
  bool cut = false;

  friend bool operator==(const DeadLetter&, const DeadLetter&) = default;
};

// Appends the record with its LF. Bytes in reason, detail or source that are not UTF-8 are replaced
// by '?'.
void EncodeDeadLetter(const DeadLetter& letter, std::string* out);

// Reads one record, without or with its LF; members may stand in any order, unknown ones with a
// string, number or boolean value are passed over. Corruption when it is no such record.
Status DecodeDeadLetter(std::string_view record, DeadLetter* letter);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_DEAD_LETTER_H_
