#ifndef TALLYMARK_SERVER_JSON_TEXT_H_
#define TALLYMARK_SERVER_JSON_TEXT_H_

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "format/text_encoding.h"

namespace tallymark {

// Builds JSON by appending: the answers are flat and some are asked for tens of thousands of times a
// second. Names are given with what goes before them: R"({"count":)" or R"(,"from":)".
class JsonText {
 public:
  explicit JsonText(size_t expected_bytes = 192) { text_.reserve(expected_bytes); }

  JsonText& Raw(std::string_view text) {
    text_.append(text);
    return *this;
  }
  // A JSON string; `text` must be UTF-8.
  JsonText& Quoted(std::string_view text) {
    AppendJsonString(text, &text_);
    return *this;
  }
  template <std::integral Int>
  JsonText& Number(Int value) {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    text_.append(digits, end);
    return *this;
  }
  template <std::integral Int>
  JsonText& NumberOrNull(const std::optional<Int>& value) {
    return value ? Number(*value) : Raw("null");
  }
  JsonText& Bool(bool value) { return Raw(value ? "true" : "false"); }

  size_t size() const { return text_.size(); }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_JSON_TEXT_H_
