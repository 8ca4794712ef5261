#include "format/line_writer.h"

#include <algorithm>

#include "format/decimal.h"

namespace tallymark {
namespace {

void AppendEscaped(std::string_view text, std::string_view escaped, std::string* out) {
  size_t begin = 0;
  while (true) {
    size_t special = text.find_first_of(escaped, begin);
    if (special == std::string_view::npos) break;
    out->append(text, begin, special - begin);
    out->push_back('\\');
    out->push_back(text[special] == '\n' ? 'n' : text[special]);
    begin = special + 1;
  }
  out->append(text, begin);
}

}  // namespace

LineWriter::LineWriter(std::string_view measurement, std::string* out) : out_(out) {
  AppendEscaped(measurement, ", ", out_);
}

void LineWriter::BeginField(std::string_view name) {
  out_->push_back(separator_);
  separator_ = ',';
  AppendEscaped(name, ",= ", out_);
  out_->push_back('=');
}

void LineWriter::AddText(std::string_view name, std::string_view value) {
  BeginField(name);
  out_->push_back('"');
  AppendEscaped(value, "\"\\\n", out_);
  out_->push_back('"');
}

void LineWriter::AddMicros(std::string_view name, int64_t micros) {
  BeginField(name);
  out_->append(FormatMicros(micros));
}

void LineWriter::Finish(int64_t time_ns) {
  out_->push_back(' ');
  out_->append(std::to_string(time_ns));
  out_->push_back('\n');
}

bool IsWritableName(std::string_view name) {
  if (name.empty() || name.back() == '\\') return false;
  return std::none_of(name.begin(), name.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; });
}

}  // namespace tallymark
