#ifndef TALLYMARK_FORMAT_EVENT_TOKENS_H_
#define TALLYMARK_FORMAT_EVENT_TOKENS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/line_protocol.h"

namespace tallymark {

// The grammar of line_protocol.md as places in the input, before anything is copied. LineReader
// makes points of them, the event parser makes events. Everything here is internal to format.

// A stretch of the input. `escaped`: it holds a backslash, so its meaning is Unescaped(its bytes).
struct TextToken {
  size_t begin = 0;
  size_t size = 0;
  bool escaped = false;
};

struct AttributeToken {
  TextToken name;
  TextToken value;                                    // without quotes, without the i or u suffix
  FieldValue::Type type = FieldValue::Type::kString;  // kString for tags
};

struct LineTokens {
  TextToken measurement;
  std::vector<AttributeToken> attributes;  // tag_count tags, then fields, in the order of the line
  size_t tag_count = 0;
  std::optional<int64_t> time_ns;
};

// Why a line was refused, and where.
struct TokenFailure {
  enum class Code : uint8_t { kSyntax, kNotUtf8, kTimeRange };
  Code code = Code::kSyntax;
  size_t position = 0;  // in the input
  std::string reason;
};

// Where backslashes mean something. Elsewhere, and before other characters, they stand for
// themselves.
enum class Escapes : uint8_t {
  kMeasurement,  // before comma and space
  kName,         // tag keys, tag values, field keys: before comma, equals sign and space
  kString,       // before quote and backslash; \n \r \t
};

// Appends the meaning of `raw` to *out.
void AppendUnescaped(Escapes escapes, std::string_view raw, std::string* out);

// Reads line after line. The input must outlive it.
class LineTokenizer {
 public:
  using Outcome = LineReader::Outcome;

  LineTokenizer(std::string_view input, LineReader::Options options) : input_(input), options_(options) {}

  // As LineReader::Next. After kError the next call goes on behind the first LF at or after
  // failure->position.
  Outcome Next(LineTokens* tokens, TokenFailure* failure);

  // Of the line of the last outcome, without its line end.
  size_t line_begin() const { return line_begin_; }
  size_t line_end() const { return line_end_; }
  // Where the next line begins.
  size_t position() const { return position_; }
  void set_position(size_t position) { position_ = position; }

 private:
  bool SkipEmptyLines(TokenFailure* failure);
  bool SkipComment(TokenFailure* failure);
  bool ReadLine(LineTokens* tokens, TokenFailure* failure);
  bool ReadTags(LineTokens* tokens, TokenFailure* failure);
  bool ReadFields(LineTokens* tokens, TokenFailure* failure);
  bool ReadFieldValue(AttributeToken* field, TokenFailure* failure);
  bool ReadString(AttributeToken* field, TokenFailure* failure);
  bool ReadTime(LineTokens* tokens, TokenFailure* failure);
  bool TakeName(Escapes escapes, TextToken* token, TokenFailure* failure);
  bool CheckUtf8(const TextToken& token, TokenFailure* failure) const;
  bool AtLineEnd(size_t at) const;
  bool IsLoneTime() const;
  void SkipSpaces();
  void Recover(size_t position);
  bool Fail(TokenFailure* failure, size_t position, std::string reason) const;
  std::string Found(size_t at) const;

  std::string_view input_;
  LineReader::Options options_;
  size_t position_ = 0;
  size_t line_begin_ = 0;
  size_t line_end_ = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_EVENT_TOKENS_H_
