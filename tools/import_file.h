#ifndef TALLYMARK_TOOLS_IMPORT_FILE_H_
#define TALLYMARK_TOOLS_IMPORT_FILE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "format/csv_reader.h"
#include "format/event_parser.h"
#include "format/row_mapping.h"
#include "tools/write_client.h"

namespace tallymark {

struct RejectedRow {
  size_t line = 0;  // 1-based in the file
  size_t column = 0;
  std::string reason;
  std::string value;
};

// What became of a file's rows. rows = accepted + duplicates + rejected.
struct ImportReport {
  static constexpr size_t kListedRowsMax = 100;

  uint64_t rows = 0;
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t rejected = 0;
  std::map<std::string, uint64_t> reasons;  // of rejections
  std::vector<RejectedRow> listed;          // the first of them
  // At most so many of the duplicates were stored by this import itself, by a request whose answer
  // was lost. 0 unless a connection broke.
  uint64_t unsure_duplicates = 0;

  // One line, without a line end.
  std::string Json() const;
};

// Loads a table into a server: first everything is checked that can be without loading (every row's
// shape and types), then rows go as lines in the order of the file, a batch at a time, so that the
// first of two conflicting rows wins, always. One thread.
class ImportFile {
 public:
  static constexpr size_t kBatchBytes = 2 << 20;

  // The bytes must outlive the object.
  ImportFile(std::string_view bytes, char delimiter) : bytes_(bytes), delimiter_(delimiter) {}

  // Gets a share of what is done, 0..1, now and then.
  using ProgressSink = std::function<void(double share, const ImportReport&)>;

  // kInvalid: the file is refused whole, with line, column and reason; nothing was loaded.
  Status Check(const MappingOptions& options, const ProgressSink& progress);

  // After a Check that was ok. *report is filled also when loading ends early.
  Status Load(WriteClient* client, const ProgressSink& progress, ImportReport* report);

 private:
  struct Batch {
    std::string lines;
    std::vector<size_t> begins;      // of each line
    std::vector<size_t> file_lines;  // of each line
  };

  Status CheckRows(const ProgressSink& progress);
  // Removes the lines that no server would take and reports them with their rows.
  void Sift(Batch* batch, ImportReport* report);
  Status Send(Batch* batch, WriteClient* client, ImportReport* report);
  static void Reject(RejectedRow row, ImportReport* report);

  std::string_view bytes_;
  char delimiter_;
  std::vector<CsvCell> header_;
  std::optional<RowMapping> mapping_;
  EventParser parser_;
};

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_IMPORT_FILE_H_
