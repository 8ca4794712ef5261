#include "server/line_cutter.h"

#include <array>
#include <cstring>

#include "format/event_parser.h"

namespace tallymark {
namespace {

constexpr size_t kShownBytes = 1024;  // of a line over the bound

// Position of the last LF at or after `from`; npos when there is none.
size_t LastLineFeed(const std::string& text, size_t from) {
  const void* at = memrchr(text.data() + from, '\n', text.size() - from);
  return at == nullptr ? std::string::npos : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

}  // namespace

std::optional<std::string> LineCutter::Cut(std::string* text) {
  size_t fresh = carry_.size();
  if (dropping_) {
    size_t end = text->find('\n');
    if (end == std::string::npos) {
      text->clear();
      return std::nullopt;
    }
    text->erase(0, end + 1);
    dropping_ = false;
    fresh = 0;
  }
  size_t last = LastLineFeed(*text, fresh);
  size_t end = last == std::string::npos ? 0 : last + 1;
  carry_.assign(*text, end);
  text->resize(end);
  return DropLongLine();
}

std::optional<std::string> LineCutter::Add(std::string_view bytes, std::string* lines) {
  if (bytes.find('\n') == std::string_view::npos) {
    if (dropping_) return std::nullopt;
    carry_.append(bytes);
    return DropLongLine();
  }
  lines->assign(carry_);
  lines->append(bytes);
  return Cut(lines);
}

// One byte more is let through for the CR of a CRLF; the parser sees to the rest.
std::optional<std::string> LineCutter::DropLongLine() {
  if (carry_.size() <= kMaxLineBytes + 1) return std::nullopt;
  std::optional<std::string> start;
  if (!IsBlankOrComment(carry_)) start = carry_.substr(0, kShownBytes);
  carry_.clear();
  carry_.shrink_to_fit();
  dropping_ = true;
  return start;
}

Speaker DetectSpeaker(std::string_view first_bytes) {
  constexpr std::string_view kTlsHandshake = "\x16\x03";
  // With the target's begin: a measurement may be named like a method. Proxies are asked for whole URLs.
  constexpr std::array<std::string_view, 13> kHttpStarts = {
      "GET /",     "HEAD /",  "POST /", "PUT /",    "DELETE /",  "PATCH /", "OPTIONS /",
      "OPTIONS *", "TRACE /", "PRI * ", "GET http", "POST http", "CONNECT "};
  bool undecided = first_bytes.empty();
  auto matches = [&](std::string_view start) {
    if (first_bytes.starts_with(start)) return true;
    undecided = undecided || start.starts_with(first_bytes);
    return false;
  };
  if (matches(kTlsHandshake)) return Speaker::kTls;
  for (std::string_view start : kHttpStarts) {
    if (matches(start)) return Speaker::kHttp;
  }
  return undecided ? Speaker::kUndecided : Speaker::kLines;
}

bool IsBlankOrComment(std::string_view line) {
  size_t at = line.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos || line[at] == '#';
}

}  // namespace tallymark
