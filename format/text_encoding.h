#ifndef TALLYMARK_FORMAT_TEXT_ENCODING_H_
#define TALLYMARK_FORMAT_TEXT_ENCODING_H_

#include <optional>
#include <string>
#include <string_view>

#include "format/event_utf8.h"

namespace tallymark {

// Text forms shared by dead letters, HTTP answers and tools. Pure functions.

// Appends a JSON string with its quotes. `text` must be UTF-8 (see IsUtf8); quotes, backslashes and control
// characters are escaped, everything else passes as it is.
void AppendJsonString(std::string_view text, std::string* out);

// RFC 4648 base64 with padding.
void AppendBase64(std::string_view bytes, std::string* out);
// Empty when the text is not padded base64.
std::optional<std::string> DecodeBase64(std::string_view text);

// Two lower-case hexadecimal digits a byte.
std::string EncodeHex(std::string_view bytes);
// Empty when the text is not what EncodeHex gives.
std::optional<std::string> DecodeHex(std::string_view text);

// Appends a Unicode scalar value as UTF-8. Precondition: at most 0x10FFFF and no surrogate.
void AppendUtf8(char32_t scalar, std::string* out);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_TEXT_ENCODING_H_
