#include "format/csv_reader.h"

#include <algorithm>

namespace tallymark {

CsvReader::CsvReader(std::string_view input, char delimiter) : input_(input), delimiter_(delimiter) {
  if (input_.starts_with("\xEF\xBB\xBF")) position_ = line_begin_ = 3;
}

CsvReader::Outcome CsvReader::Fail(size_t line, size_t column, std::string reason, CsvError* error) {
  *error = {line, column, std::move(reason)};
  position_ = input_.size();
  return Outcome::kError;
}

// LF, CRLF, or a CR that ends the input.
bool CsvReader::IsLineEnd() const {
  std::string_view next = input_.substr(position_, 2);
  return next == "\r\n" || next == "\r" || next.starts_with('\n');
}

void CsvReader::TakeLineEnd() {
  size_t line_feed = input_.find('\n', position_);
  position_ = line_feed == std::string_view::npos ? input_.size() : line_feed + 1;
  ++line_;
  line_begin_ = position_;
}

bool CsvReader::AtCellEnd() const {
  if (position_ == input_.size()) return true;
  return input_[position_] == delimiter_ || IsLineEnd();
}

bool CsvReader::TakeQuoted(CsvCell* cell, CsvError* error) {
  size_t begin = ++position_;
  std::string* undoubled = nullptr;
  while (true) {
    size_t quote = input_.find('"', begin);
    if (quote == std::string_view::npos) {
      return Fail(cell->line, cell->column, "the quote that opens here is never closed", error) ==
             Outcome::kRow;
    }
    for (size_t lf = input_.find('\n', position_); lf < quote; lf = input_.find('\n', lf + 1)) {
      ++line_;
      line_begin_ = lf + 1;
    }
    std::string_view part = input_.substr(begin, quote - begin);
    position_ = quote + 1;
    bool doubled = position_ < input_.size() && input_[position_] == '"';
    if (undoubled == nullptr && !doubled) {
      cell->text = part;
      break;
    }
    if (undoubled == nullptr) undoubled = &undoubled_.emplace_back();
    undoubled->append(part);
    if (!doubled) {
      cell->text = *undoubled;
      break;
    }
    undoubled->push_back('"');
    begin = ++position_;
  }
  if (AtCellEnd()) return true;
  return Fail(line_, Column(), "after the closing quote a delimiter or the end of the line must follow",
              error) == Outcome::kRow;
}

bool CsvReader::TakeCell(CsvCell* cell, CsvError* error) {
  cell->line = line_;
  cell->column = Column();
  if (position_ < input_.size() && input_[position_] == '"') return TakeQuoted(cell, error);
  size_t begin = position_;
  for (; position_ < input_.size(); ++position_) {
    char c = input_[position_];
    if (c == delimiter_ || c == '\n' || (c == '\r' && IsLineEnd())) break;
    if (c == '"') {
      return Fail(line_, Column(), "a quote inside a value that does not begin with one", error) ==
             Outcome::kRow;
    }
  }
  cell->text = input_.substr(begin, position_ - begin);
  return true;
}

CsvReader::Outcome CsvReader::Next(std::vector<CsvCell>* cells, CsvError* error) {
  cells->clear();
  undoubled_.clear();
  while (IsLineEnd()) TakeLineEnd();
  if (position_ == input_.size()) return Outcome::kEnd;
  while (true) {
    if (!TakeCell(&cells->emplace_back(), error)) return Outcome::kError;
    if (position_ == input_.size() || input_[position_] != delimiter_) break;
    ++position_;
  }
  size_t end_line = line_, end_column = Column();
  if (position_ < input_.size()) TakeLineEnd();
  if (width_ == 0) width_ = cells->size();
  if (cells->size() == width_) return Outcome::kRow;
  if (cells->size() > width_) {
    end_line = (*cells)[width_].line;
    end_column = (*cells)[width_].column;
  }
  return Fail(end_line, end_column,
              "the row has " + std::to_string(cells->size()) + " values where the first row has " +
                  std::to_string(width_),
              error);
}

char GuessDelimiter(std::string_view file_name, std::string_view input) {
  if (file_name.ends_with(".tsv") || file_name.ends_with(".tab")) return '\t';
  std::string_view header = input.substr(0, input.find('\n'));
  char best = ',';
  auto most = std::count(header.begin(), header.end(), best);
  for (char candidate : {'\t', ';'}) {
    auto count = std::count(header.begin(), header.end(), candidate);
    if (count > most) {
      best = candidate;
      most = count;
    }
  }
  return best;
}

}  // namespace tallymark
