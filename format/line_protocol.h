#ifndef TALLYMARK_FORMAT_LINE_PROTOCOL_H_
#define TALLYMARK_FORMAT_LINE_PROTOCOL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tallymark {

// InfluxDB line protocol, strictly: accepts, refuses and gives values exactly as InfluxData's
// public corpus does. The grammar is described in format/line_protocol.md.

struct FieldValue {
  enum class Type : uint8_t { kFloat, kInt, kUint, kString, kBool };
  Type type = Type::kFloat;
  double as_float = 0;
  int64_t as_int = 0;
  uint64_t as_uint = 0;
  bool as_bool = false;
  std::string text;  // kString: unescaped; others: as written without the i or u suffix
};

struct Tag {
  std::string key, value;
};
struct FieldItem {
  std::string key;
  FieldValue value;
};

// One parsed point. Tags and fields stand in the order of the line.
struct Point {
  std::string name;
  std::vector<Tag> tags;
  std::vector<FieldItem> fields;
  std::optional<int64_t> time_ns;  // absent when the line has no timestamp
};

struct LineError {
  size_t line = 1;    // 1-based in the input
  size_t column = 1;  // 1-based byte in that line
  std::string reason;
};

// Reads one input point after point.
//   LineReader reader(input, {.unit_ns = 1});
//   while (reader.Next(&point, &error)) ...   // see Outcome
class LineReader {
 public:
  struct Options {
    int64_t unit_ns = 1;
    bool allow_no_fields = false;      // ingestion's one widening: tags and no field
    bool lf_always_ends_line = false;  // TCP: LF ends a line even inside quotes
  };
  enum class Outcome : uint8_t { kPoint, kError, kEnd };

  LineReader(std::string_view input, Options options);

  // kPoint: *point is filled. kError: *error says why; the reader has moved on to the next line.
  // kEnd: nothing is left. Comments and blank lines are passed over.
  Outcome Next(Point* point, LineError* error);

  // Where the line of the last outcome begins and ends (without its line end) in the input.
  size_t line_begin() const { return line_begin_; }
  size_t line_end() const { return line_end_; }

 private:
  std::string_view input_;
  Options options_;
  size_t position_ = 0;
  size_t line_number_ = 1;
  size_t line_begin_ = 0;
  size_t line_end_ = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_LINE_PROTOCOL_H_
