#ifndef TALLYMARK_FORMAT_IMPORT_REPORT_H_
#define TALLYMARK_FORMAT_IMPORT_REPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tallymark {

struct RejectedRow {
  size_t line = 0;    // 1-based in the file; 0 when it is not known
  size_t column = 0;  // 1-based byte in that line; 0 when the whole row is meant
  std::string reason;
  std::string value;  // what stood there, or more words about it; may be empty

  bool operator==(const RejectedRow&) const = default;
};

// What became of a file's rows. rows = accepted + duplicates + rejected.
struct ImportReport {
  static constexpr size_t kListedRowsMax = 100;

  uint64_t rows = 0;
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t rejected = 0;
  std::map<std::string, uint64_t> reasons;  // of rejections
  std::vector<RejectedRow> listed;          // the first of them, at most kListedRowsMax
  // At most so many of the duplicates were stored by this import itself, by a try whose outcome
  // nobody saw (a lost connection, a crash). 0 unless there was one.
  uint64_t unsure_duplicates = 0;

  // Counts a rejected row and lists it while the list has room.
  void Reject(RejectedRow row);

  // One line, without a line end.
  std::string Json() const;

  bool operator==(const ImportReport&) const = default;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_IMPORT_REPORT_H_
