#ifndef TALLYMARK_TOOLS_RECORD_WRITER_H_
#define TALLYMARK_TOOLS_RECORD_WRITER_H_

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "format/status.h"

namespace tallymark {

enum class RecordFormat : uint8_t { kJsonLines, kCsv };

// One value of a record.
struct RecordValue {
  enum class Type : uint8_t {
    kText,    // quoted in JSON
    kNumber,  // as it is; empty is null
    kJson,    // JSON already
  };
  std::string_view name;
  std::string value;
  Type type = Type::kText;
};

// Prints records to a file, buffered: as JSON lines, or as CSV (RFC 4180, LF) with the names of the
// first record as header; all records must then have the same names. Not thread safe.
class RecordWriter {
 public:
  RecordWriter(RecordFormat format, std::FILE* file) : format_(format), file_(file) {}

  void Write(const std::vector<RecordValue>& record);
  // A line that is finished, its line end included, whatever the format.
  void WriteLine(std::string_view line);

  // Hands everything on. kIo when the file could not take all of it, now or before.
  Status Flush();

 private:
  void AppendCsv(std::string_view value);
  void FlushWhenFull();

  RecordFormat format_;
  std::FILE* file_;
  std::string buffer_;
  bool header_written_ = false;
  bool failed_ = false;
};

// JSON text for bytes that should be UTF-8; where they are not, each byte that is not becomes '?'.
std::string JsonText(std::string_view bytes);

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_RECORD_WRITER_H_
