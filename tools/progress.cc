#include "tools/progress.h"

#include <unistd.h>

#include <cstdint>
#include <cstdio>

namespace tallymark {
namespace {

constexpr auto kFirstShown = std::chrono::seconds(1);
constexpr auto kBetweenRewrites = std::chrono::milliseconds(200);
constexpr auto kBetweenLines = std::chrono::seconds(1);

}  // namespace

Progress::Progress(bool always)
    : terminal_(isatty(STDERR_FILENO) == 1),
      enabled_(always || terminal_),
      begin_(Time::now()),
      next_(begin_ + kFirstShown) {}

Progress::~Progress() {
  if (shown_ && terminal_) std::fputc('\n', stderr);
}

bool Progress::Due() const { return enabled_ && Time::now() >= next_; }

void Progress::Show(const std::string& text) {
  if (!Due()) return;
  // Return to the line's begin and clear to its end.
  std::fprintf(stderr, terminal_ ? "\r%s\x1b[K" : "%s\n", text.c_str());
  std::fflush(stderr);
  shown_ = true;
  next_ = Time::now() + (terminal_ ? Time::duration(kBetweenRewrites) : Time::duration(kBetweenLines));
}

double Progress::Seconds() const { return std::chrono::duration<double>(Time::now() - begin_).count(); }

std::string GroupDigits(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t place = text.size(); place > 3; place -= 3) text.insert(place - 3, 1, ',');
  return text;
}

std::string ProgressText(uint64_t done, uint64_t total, const char* unit, double seconds) {
  std::string text;
  if (total > 0) {
    auto percent = static_cast<uint64_t>(100.0 * static_cast<double>(done) / static_cast<double>(total));
    text = std::to_string(percent) + " %  " + GroupDigits(done) + " of " + GroupDigits(total);
  } else {
    text = GroupDigits(done);
  }
  text += std::string(" ") + unit;
  if (seconds > 0)
    text += "  " + GroupDigits(static_cast<uint64_t>(static_cast<double>(done) / seconds)) + "/s";
  return text;
}

}  // namespace tallymark
