#ifndef TALLYMARK_FORMAT_CSV_READER_H_
#define TALLYMARK_FORMAT_CSV_READER_H_

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace tallymark {

// One value of a row. `text` is unquoted; it points into the input or, where quotes had to be
// undoubled, into the reader, and lives until the next call of Next.
struct CsvCell {
  std::string_view text;
  size_t line = 0;    // 1-based, where the value begins
  size_t column = 0;  // 1-based byte in that line
};

struct CsvError {
  size_t line = 0;
  size_t column = 0;
  std::string reason;
};

// Reads a table with RFC 4180 quoting: values between delimiters, rows ended by LF or CRLF, a value
// that begins with a quote goes to its closing quote (a doubled quote stands for one) and may hold
// delimiters and line ends. The first row fixes how many values each row has. Lines without a
// single byte are passed over, and so is a UTF-8 byte order mark. A quote inside an unquoted value
// is an error: what is meant cannot be known.
//
//   CsvReader reader(bytes, ',');
//   while (reader.Next(&cells, &error) == CsvReader::Outcome::kRow) ...
//
// The input must outlive the reader. Not thread safe.
class CsvReader {
 public:
  enum class Outcome : uint8_t { kRow, kError, kEnd };

  CsvReader(std::string_view input, char delimiter);

  // kRow: *cells holds the row's values. kError: *error says where and why; nothing after it can
  // be trusted, so the reader is at its end. kEnd: nothing is left.
  Outcome Next(std::vector<CsvCell>* cells, CsvError* error);

  // Bytes of the input read so far.
  size_t position() const { return position_; }

 private:
  bool TakeCell(CsvCell* cell, CsvError* error);
  bool TakeQuoted(CsvCell* cell, CsvError* error);
  bool AtCellEnd() const;
  bool IsLineEnd() const;
  void TakeLineEnd();
  size_t Column() const { return position_ - line_begin_ + 1; }
  Outcome Fail(size_t line, size_t column, std::string reason, CsvError* error);

  std::string_view input_;
  char delimiter_;
  size_t position_ = 0;
  size_t line_ = 1;
  size_t line_begin_ = 0;
  size_t width_ = 0;  // values a row, 0 before the first
  std::deque<std::string> undoubled_;
};

// The delimiter of a file: tab for .tsv and .tab; otherwise whichever of comma, tab and semicolon
// stands most often in the first line, a comma where none does.
char GuessDelimiter(std::string_view file_name, std::string_view input);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_CSV_READER_H_
