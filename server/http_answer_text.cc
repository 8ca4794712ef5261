#include "server/http_answer_text.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace tallymark {
namespace {

void AppendNumber(uint64_t value, std::string* out) { *out += std::to_string(value); }

// Formatted once a second and thread.
const std::string& CachedDate() {
  thread_local int64_t cached_second = -1;
  thread_local std::string cached;
  auto now = static_cast<int64_t>(std::time(nullptr));
  if (now != cached_second) {
    cached_second = now;
    cached = FormatHttpDate(now);
  }
  return cached;
}

}  // namespace

std::string FormatHttpDate(int64_t seconds) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::time_t time = seconds;
  std::tm parts = {};
  gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays[static_cast<size_t>(parts.tm_wday)], parts.tm_mday,
                kMonths[static_cast<size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                parts.tm_sec);
  return text.data();
}

void AppendHttpAnswer(const HttpAnswer& answer, const AnswerTextOptions& options, std::string* out) {
  bool has_body = answer.status != 204;
  out->append("HTTP/1.1 ");
  AppendNumber(static_cast<uint64_t>(answer.status), out);
  out->append(" ").append(ReasonPhrase(answer.status)).append("\r\n");
  if (has_body) {
    out->append("Content-Type: ").append(answer.content_type).append("\r\nContent-Length: ");
    AppendNumber(answer.body.size(), out);
    out->append("\r\n");
  }
  out->append("Date: ").append(CachedDate()).append("\r\n");
  for (const auto& [name, value] : answer.headers)
    out->append(name).append(": ").append(value).append("\r\n");
  if (!options.keep_alive) {
    out->append("Connection: close\r\n");
  } else if (options.say_keep_alive) {
    out->append("Connection: keep-alive\r\n");
  }
  out->append("\r\n");
  if (has_body && !options.is_head) out->append(answer.body);
}

}  // namespace tallymark
