#include "format/dead_letter.h"

#include <charconv>

#include "format/text_encoding.h"

namespace tallymark {
namespace {

constexpr std::string_view kFilePrefix = "rejected-";
constexpr std::string_view kFileSuffix = ".jsonl";
constexpr size_t kFileDigits = 8;

void AppendMember(std::string_view name, std::string_view text, std::string* out) {
  AppendJsonString(name, out);
  out->push_back(':');
  if (IsUtf8(text)) {
    AppendJsonString(text, out);
    return;
  }
  std::string ascii(text);
  for (char& c : ascii) {
    if (static_cast<uint8_t>(c) >= 0x80) c = '?';
  }
  AppendJsonString(ascii, out);
}

// Reads the flat JSON objects that EncodeDeadLetter writes.
class RecordReader {
 public:
  explicit RecordReader(std::string_view in) : in_(in) {}

  bool Take(char c) {
    SkipSpace();
    if (in_.empty() || in_.front() != c) return false;
    in_.remove_prefix(1);
    return true;
  }
  bool AtEnd() {
    SkipSpace();
    return in_.empty();
  }

  bool String(std::string* out) {
    out->clear();
    if (!Take('"')) return false;
    while (!in_.empty()) {
      char c = in_.front();
      in_.remove_prefix(1);
      if (c == '"') return true;
      if (static_cast<uint8_t>(c) < 0x20) return false;
      if (c != '\\') {
        out->push_back(c);
      } else if (!Escape(out)) {
        return false;
      }
    }
    return false;
  }

  // A string, or the bare text of a number, true, false or null.
  bool Value(std::string* out) {
    SkipSpace();
    if (!in_.empty() && in_.front() == '"') return String(out);
    size_t end = in_.find_first_of(",} \t\r\n");
    if (end == 0 || end == std::string_view::npos) return false;
    out->assign(in_.substr(0, end));
    in_.remove_prefix(end);
    return out->find_first_of("{[\"") == std::string::npos;
  }

 private:
  void SkipSpace() {
    while (!in_.empty() && std::string_view(" \t\r\n").find(in_.front()) != std::string_view::npos) {
      in_.remove_prefix(1);
    }
  }

  bool Escape(std::string* out) {
    if (in_.empty()) return false;
    char c = in_.front();
    in_.remove_prefix(1);
    constexpr std::string_view kCodes = "\"\\/bfnrt";
    constexpr std::string_view kBytes = "\"\\/\b\f\n\r\t";
    if (size_t at = kCodes.find(c); at != std::string_view::npos) {
      out->push_back(kBytes[at]);
      return true;
    }
    return c == 'u' && Unicode(out);
  }

  bool Hex4(uint32_t* value) {
    if (in_.size() < 4) return false;
    auto [end, error] = std::from_chars(in_.data(), in_.data() + 4, *value, 16);
    if (error != std::errc() || end != in_.data() + 4) return false;
    in_.remove_prefix(4);
    return true;
  }

  bool Unicode(std::string* out) {
    uint32_t scalar = 0;
    if (!Hex4(&scalar)) return false;
    if (scalar >= 0xD800 && scalar < 0xDC00) {
      uint32_t low = 0;
      if (!in_.starts_with("\\u")) return false;
      in_.remove_prefix(2);
      if (!Hex4(&low) || low < 0xDC00 || low > 0xDFFF) return false;
      scalar = 0x10000 + ((scalar - 0xD800) << 10) + (low - 0xDC00);
    } else if (scalar >= 0xDC00 && scalar <= 0xDFFF) {
      return false;
    }
    AppendUtf8(scalar, out);
    return true;
  }

  std::string_view in_;
};

bool SetMember(const std::string& name, std::string value, DeadLetter* letter) {
  if (name == "time") {
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), letter->time_ns);
    return error == std::errc() && end == value.data() + value.size();
  }
  if (name == "text_base64") {
    std::optional<std::string> bytes = DecodeBase64(value);
    if (!bytes) return false;
    letter->text = *std::move(bytes);
    return true;
  }
  if (name == "cut") {
    letter->cut = value == "true";
  } else if (name == "reason") {
    letter->reason = std::move(value);
  } else if (name == "detail") {
    letter->detail = std::move(value);
  } else if (name == "source") {
    letter->source = std::move(value);
  } else if (name == "text") {
    letter->text = std::move(value);
  }
  return true;
}

bool DecodeObject(RecordReader reader, DeadLetter* letter) {
  if (!reader.Take('{')) return false;
  if (!reader.Take('}')) {
    std::string name;
    std::string value;
    do {
      if (!reader.String(&name) || !reader.Take(':') || !reader.Value(&value)) return false;
      if (!SetMember(name, std::move(value), letter)) return false;
    } while (reader.Take(','));
    if (!reader.Take('}')) return false;
  }
  return reader.AtEnd() && !letter->reason.empty();
}

}  // namespace

std::string DeadLetterFileName(uint32_t number) {
  std::string digits = std::to_string(number);
  std::string name(kFilePrefix);
  if (digits.size() < kFileDigits) name.append(kFileDigits - digits.size(), '0');
  return name.append(digits).append(kFileSuffix);
}

std::optional<uint32_t> DeadLetterFileNumber(std::string_view name) {
  if (!name.starts_with(kFilePrefix) || !name.ends_with(kFileSuffix)) return std::nullopt;
  if (name.size() < kFilePrefix.size() + kFileSuffix.size()) return std::nullopt;
  std::string_view digits =
      name.substr(kFilePrefix.size(), name.size() - kFilePrefix.size() - kFileSuffix.size());
  uint32_t number = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || number == 0 || DeadLetterFileName(number) != name) return std::nullopt;
  return number;
}

void EncodeDeadLetter(const DeadLetter& letter, std::string* out) {
  out->push_back('{');
  AppendMember("time", std::to_string(letter.time_ns), out);
  out->push_back(',');
  AppendMember("reason", letter.reason, out);
  out->push_back(',');
  AppendMember("detail", letter.detail, out);
  out->push_back(',');
  AppendMember("source", letter.source, out);
  if (letter.cut) out->append(",\"cut\":true");
  if (IsUtf8(letter.text)) {
    out->append(",\"text\":");
    AppendJsonString(letter.text, out);
  } else {
    out->append(",\"text_base64\":\"");
    AppendBase64(letter.text, out);
    out->push_back('"');
  }
  out->append("}\n");
}

Status DecodeDeadLetter(std::string_view record, DeadLetter* letter) {
  *letter = DeadLetter();
  if (!DecodeObject(RecordReader(record), letter)) {
    return Status::Corruption("not a dead-letter record");
  }
  return Status::Ok();
}

}  // namespace tallymark
