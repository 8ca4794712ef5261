#ifndef TALLYMARK_SERVER_LINE_CUTTER_H_
#define TALLYMARK_SERVER_LINE_CUTTER_H_

#include <optional>
#include <string>
#include <string_view>

namespace tallymark {

// Cuts a byte stream into runs of whole lines, however it was segmented, and carries the unfinished
// rest over. Holds at most one line's bound (kMaxLineBytes) and one read. Not thread safe.
class LineCutter {
 public:
  // The unfinished line so far; text for the next Cut begins with it.
  const std::string& carry() const { return carry_; }

  // `text` is carry() followed by the bytes just read. Leaves whole lines in it (LF included, maybe
  // none) and keeps the rest. A line found to go on past the bound is dropped to its LF; its
  // beginning is returned, once, and it stands after the lines left in `text`. Comments of that
  // length are dropped without a word.
  std::optional<std::string> Cut(std::string* text);

  // As Cut for a small read. Without an LF in it `lines` is not touched and may be null.
  std::optional<std::string> Add(std::string_view bytes, std::string* lines);

 private:
  std::optional<std::string> DropLongLine();

  std::string carry_;
  bool dropping_ = false;  // inside a line over the bound; carry_ is empty
};

// What the first bytes of a connection say about who speaks.
enum class Speaker { kUndecided, kLines, kHttp, kTls };
Speaker DetectSpeaker(std::string_view first_bytes);

// True when the line says nothing that counts: blank or a comment.
bool IsBlankOrComment(std::string_view line);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_LINE_CUTTER_H_
