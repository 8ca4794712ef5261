#ifndef TALLYMARK_FORMAT_TABLE_IMPORT_H_
#define TALLYMARK_FORMAT_TABLE_IMPORT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/csv_reader.h"
#include "format/event_parser.h"
#include "format/import_report.h"
#include "format/row_mapping.h"

namespace tallymark {

// Rows on their way: as lines of line protocol and as the events these are.
struct ImportBatch {
  std::string_view lines;                   // those that keep the rules of events
  std::shared_ptr<const EventChunk> chunk;  // the events of all lines, the rejected ones apart
  const ParseReport& parsed;                // what was rejected; places are in the chunk's text
};

// What became of a batch. The rows of the batch = accepted + duplicates + rejected.
struct BatchCounts {
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t rejected = 0;        // beyond those that TableImport itself rejected
  std::string first_rejection;  // of these
  // An earlier try of this batch may have been stored: up to `duplicates` may be its own rows.
  bool unsure = false;
};

// Where an import's events go. Any status but ok ends the import with it.
class ImportSink {
 public:
  virtual ~ImportSink() = default;

  // The rules that lines must keep at this moment; by default those that do not ask a clock.
  virtual EventParseOptions Rules() { return {}; }

  // Stores a batch and comes back when its fate is known. There may be no line that is kept.
  virtual Result<BatchCounts> Store(const ImportBatch& batch) = 0;

  // Called now and then while the table is checked, and after each batch while it is loaded:
  // everything that *report counts is stored then. `position`: bytes of the table behind us.
  virtual Status OnChecked(size_t /*position*/) { return Status::Ok(); }
  virtual Status OnStored(size_t /*position*/, const ImportReport& /*report*/) { return Status::Ok(); }
};

// Loads a table: first everything is checked that can be without loading (every row's shape and
// types), then rows go in the order of the file, a batch at a time, so that the first of two
// conflicting rows wins, always. Memory is a batch, whatever the table's size. One thread.
//
//   TableImport import(bytes, ',');
//   Status s = import.Open(options);
//   if (s.ok()) s = import.Check(&sink);
//   if (s.ok()) s = import.Load(&sink, &report);
class TableImport {
 public:
  static constexpr size_t kBatchBytes = 2 << 20;
  static constexpr size_t kBatchRows = 64 << 10;

  // The bytes must outlive the object.
  TableImport(std::string_view bytes, char delimiter) : bytes_(bytes), delimiter_(delimiter) {}

  // Reads the header. kInvalid, with line, column and reason: this is no table, or the mapping does
  // not fit it.
  Status Open(const MappingOptions& options);

  // kInvalid: the table is to be refused whole, with line, column and reason.
  Status Check(ImportSink* sink);

  // Continues after report->rows data rows, whose fate *report tells; 0 loads from the beginning.
  // *report is what was settled also when loading ends early.
  Status Load(ImportSink* sink, ImportReport* report);

 private:
  struct Pending {
    std::string lines;
    std::vector<size_t> begins;      // of each line
    std::vector<size_t> file_lines;  // of each line
    ImportReport report;             // of everything before the batch and of the batch's rejected rows
  };

  Status Send(Pending* pending, ImportSink* sink, size_t position, ImportReport* report);
  static void AddCounts(const BatchCounts& counts, ImportReport* report);
  static std::string KeptLines(const Pending& pending, const ParseReport& parsed, ImportReport* report);

  std::string_view bytes_;
  char delimiter_;
  std::vector<CsvCell> header_;
  std::optional<RowMapping> mapping_;
  EventParser parser_;
};

// The beginning of a table is not text: names line and column. Ok for what may be a table. For a
// check at once, before the whole table is there.
Status CheckTableBytes(std::string_view begin);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_TABLE_IMPORT_H_
