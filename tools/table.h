#ifndef TALLYMARK_TOOLS_TABLE_H_
#define TALLYMARK_TOOLS_TABLE_H_

#include <string>
#include <vector>

namespace tallymark {

// Lines of text in columns, for people. Columns whose cells are all numbers stand right, the others
// left; two blanks lie between. One thread.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}

  // As many cells as the header has.
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // All rows, each with a line end and without blanks at it.
  std::string Text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_TABLE_H_
