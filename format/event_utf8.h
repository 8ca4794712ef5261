#ifndef TALLYMARK_FORMAT_EVENT_UTF8_H_
#define TALLYMARK_FORMAT_EVENT_UTF8_H_

#include <string_view>

namespace tallymark {

// Whether the bytes are well-formed UTF-8: no overlong forms, no surrogates, nothing above
// U+10FFFF, nothing cut off. Empty text is well-formed. Plain ASCII costs eight bytes a step.
bool IsUtf8(std::string_view text);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_EVENT_UTF8_H_
