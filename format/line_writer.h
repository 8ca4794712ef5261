#ifndef TALLYMARK_FORMAT_LINE_WRITER_H_
#define TALLYMARK_FORMAT_LINE_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace tallymark {

// Writes events as lines that LineReader and EventParser read back to the same texts. Attributes
// are always written as string fields: they can hold any text, where a tag value cannot be empty or
// end with a backslash. A line feed inside a value is written as \n, so a line is always one line.
//
//   LineWriter line("click", &out);
//   line.AddText("ad_id", "ad 7");
//   line.Finish(time_ns);            // click ad_id="ad 7" 1609459200000000000
//
// Appends to *out, which must outlive the writer. At least one field must be added.
class LineWriter {
 public:
  LineWriter(std::string_view measurement, std::string* out);

  // `name` must be a writable name, see IsWritableName.
  void AddText(std::string_view name, std::string_view value);
  // Money in millionths, as a float whose text is exact: revenue=12.340000.
  void AddMicros(std::string_view name, int64_t micros);
  bool empty() const { return separator_ == ' '; }  // no field yet: not to be finished
  // Ends the line with the time in nanoseconds and a line feed.
  void Finish(int64_t time_ns);

 private:
  void BeginField(std::string_view name);

  std::string* out_;
  char separator_ = ' ';
};

// Whether line protocol can carry this field name: not empty, no control characters, no backslash
// at the end (it would escape what follows).
bool IsWritableName(std::string_view name);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_LINE_WRITER_H_
