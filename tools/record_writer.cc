#include "tools/record_writer.h"

#include "format/event_utf8.h"
#include "format/text_encoding.h"

namespace tallymark {
namespace {

constexpr size_t kBufferBytes = 1 << 18;

}  // namespace

std::string JsonText(std::string_view bytes) {
  std::string json;
  if (IsUtf8(bytes)) {
    AppendJsonString(bytes, &json);
    return json;
  }
  std::string shown(bytes);
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  AppendJsonString(shown, &json);
  return json;
}

void RecordWriter::Write(const std::vector<RecordValue>& record) {
  if (format_ == RecordFormat::kJsonLines) {
    for (const RecordValue& value : record) {
      buffer_ += &value == &record.front() ? '{' : ',';
      AppendJsonString(value.name, &buffer_);
      buffer_ += ':';
      if (value.type == RecordValue::Type::kText) {
        buffer_ += JsonText(value.value);
      } else {
        buffer_ += value.value.empty() ? "null" : value.value;
      }
    }
    buffer_ += "}\n";
    return FlushWhenFull();
  }
  if (!header_written_) {
    for (const RecordValue& value : record) {
      if (&value != &record.front()) buffer_ += ',';
      AppendCsv(value.name);
    }
    buffer_ += '\n';
    header_written_ = true;
  }
  for (const RecordValue& value : record) {
    if (&value != &record.front()) buffer_ += ',';
    AppendCsv(value.value);
  }
  buffer_ += '\n';
  FlushWhenFull();
}

void RecordWriter::WriteLine(std::string_view line) {
  buffer_ += line;
  FlushWhenFull();
}

void RecordWriter::AppendCsv(std::string_view value) {
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) {
    buffer_ += value;
    return;
  }
  buffer_ += '"';
  for (char c : value) {
    if (c == '"') buffer_ += '"';
    buffer_ += c;
  }
  buffer_ += '"';
}

void RecordWriter::FlushWhenFull() {
  if (buffer_.size() < kBufferBytes) return;
  failed_ = failed_ || std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size();
  buffer_.clear();
}

Status RecordWriter::Flush() {
  failed_ = failed_ || std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size();
  buffer_.clear();
  failed_ = std::fflush(file_) != 0 || failed_;
  return failed_ ? Status::Io("the output could not be written") : Status::Ok();
}

}  // namespace tallymark
