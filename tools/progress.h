#ifndef TALLYMARK_TOOLS_PROGRESS_H_
#define TALLYMARK_TOOLS_PROGRESS_H_

#include <chrono>
#include <string>

namespace tallymark {

// One line on stderr that is rewritten while something long goes on. It shows when stderr is a
// terminal or `always` is set (--progress), from the first second on, at most five times a second;
// on something that is no terminal each state is a line of its own, once a second. Not thread safe.
class Progress {
 public:
  explicit Progress(bool always);
  // Ends the line when one was shown.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Whether Show would show something now: spares the caller making the text.
  bool Due() const;
  void Show(const std::string& text);

  double Seconds() const;  // since construction

 private:
  using Time = std::chrono::steady_clock;
  bool terminal_;
  bool enabled_;
  bool shown_ = false;
  Time::time_point begin_;
  Time::time_point next_;
};

// "1,234,567", for people.
std::string GroupDigits(uint64_t number);
// "42 %  8,400,000 of 20,000,000 lines  1,250,000/s"; without the total when it is 0.
std::string ProgressText(uint64_t done, uint64_t total, const char* unit, double seconds);

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_PROGRESS_H_
