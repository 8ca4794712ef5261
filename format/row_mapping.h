#ifndef TALLYMARK_FORMAT_ROW_MAPPING_H_
#define TALLYMARK_FORMAT_ROW_MAPPING_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/csv_reader.h"
#include "format/status.h"
#include "format/time_text.h"

namespace tallymark {

inline constexpr std::string_view kAdKind = "ad";

// How the columns of a file become events (SPEC section 8).
struct MappingOptions {
  // Each a comma list of `ours:column` and `ours=template`; the first ':' or '=' decides. In a
  // template {column} stands for the column's value: "event_id=q1:{click_id}".
  std::vector<std::string> maps;
  // Each one `ours=value` for every row; the value may hold commas.
  std::vector<std::string> constants;
  // The kind of rows that do not name one in a column `event`; empty: each row must. kAdKind: the rows
  // are no events but ads (AppendAd).
  std::string kind;
  // Set event_id to `name#row`, rows counted from 1, so that each row counts.
  bool identity_by_row = false;
  std::string name;
  EpochUnit time_unit = EpochUnit::kByMagnitude;
};

// What is wrong with a row.
struct RowProblem {
  // true: a value is not of its column's type (time, revenue, event), which refuses the file;
  // false: a mapped column has no value, which rejects the row.
  bool bad_type = false;
  size_t line = 0;
  size_t column = 0;
  std::string reason;  // without the place, so that equal reasons can be counted
  std::string value;   // what stood there; empty when it is missing
};

// Turns rows into lines of line protocol. Columns named in a map are used where it says; all others
// become attributes under their own names, unless they are empty. The names `time`, `event` and
// `revenue` are read as what they are; everything else is text. Immutable after Build; AppendLine
// may be called from several threads.
class RowMapping {
 public:
  // kInvalid with "line 1, column N: ..." when the header and the options do not fit together: an
  // unknown column, one name from two sources, no time, no kind, no ad, a constant that is no time.
  static Result<RowMapping> Build(const MappingOptions& options, std::span<const CsvCell> header);

  // Appends the row (as many cells as the header) as one line and returns true; or fills *problem,
  // appends nothing and returns false. `row` counts data rows from 1.
  bool AppendLine(std::span<const CsvCell> cells, uint64_t row, std::string* out, RowProblem* problem) const;

  // For rows of kAdKind: the ad's id, and all its values as a JSON object of texts, true; or fills
  // *problem and returns false.
  bool TakeAd(std::span<const CsvCell> cells, std::string* ad_id, std::string* json,
              RowProblem* problem) const;

 private:
  // A stretch of a template: a literal, or a column's value.
  struct Part {
    std::string literal;
    size_t column = kNoColumn;
  };
  struct Source {
    std::string name;         // ours
    std::vector<Part> parts;  // no column in them: a constant
    bool required = true;     // an empty column rejects the row
  };
  static constexpr size_t kNoColumn = static_cast<size_t>(-1);

  Status AddMap(std::string_view entry, std::span<const CsvCell> header);
  Status AddConstant(std::string_view entry);
  Status AddOtherColumns(std::span<const CsvCell> header);
  Status AddSource(Source source, const std::string& place);
  Status SplitTemplate(std::string_view text, std::span<const CsvCell> header, std::vector<Part>* parts);
  Result<size_t> FindColumn(std::string_view name, std::span<const CsvCell> header);
  Status CheckComplete(const MappingOptions& options);
  Status CheckAds(const MappingOptions& options) const;
  Status TakeSpecials(const MappingOptions& options);

  // The source's text for a row. Points into the cells, the source or *scratch. Empty optional: a
  // column has no value.
  static std::optional<std::string_view> Evaluate(const Source& source, std::span<const CsvCell> cells,
                                                  std::string* scratch);
  // The first column of the source whose cell is (not) empty.
  static const CsvCell& CellToBlame(const Source& source, std::span<const CsvCell> cells, bool empty);
  bool KindOf(std::span<const CsvCell> cells, std::string* scratch, std::string_view* kind,
              RowProblem* problem) const;
  bool TimeOf(std::span<const CsvCell> cells, std::string* scratch, int64_t* time_ns,
              RowProblem* problem) const;

  std::vector<Source> sources_;  // attributes, without time and event
  std::optional<Source> time_;
  std::optional<Source> event_;
  std::optional<int64_t> constant_time_ns_;
  std::vector<bool> used_columns_;
  std::string kind_;
  std::string row_id_prefix_;  // "name#", empty unless identity is by row
  EpochUnit time_unit_ = EpochUnit::kByMagnitude;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_ROW_MAPPING_H_
