#include "format/text_encoding.h"

#include <array>
#include <cstdint>

namespace tallymark {
namespace {

constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHexDigits = "0123456789abcdef";

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (c == '\n') {
      out->append("\\n");
    } else if (byte < 0x20) {
      out->append("\\u00");
      out->push_back(kHexDigits[byte >> 4]);
      out->push_back(kHexDigits[byte & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void AppendBase64(std::string_view bytes, std::string* out) {
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t left = bytes.size() - i;
    uint32_t group = static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << 16;
    if (left > 1) group |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i + 1])) << 8;
    if (left > 2) group |= static_cast<uint8_t>(bytes[i + 2]);
    out->push_back(kBase64Digits[group >> 18]);
    out->push_back(kBase64Digits[(group >> 12) & 63]);
    out->push_back(left > 1 ? kBase64Digits[(group >> 6) & 63] : '=');
    out->push_back(left > 2 ? kBase64Digits[group & 63] : '=');
  }
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t group = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    int value = i >= text.size() - padding ? 0 : Base64Value(text[i]);
    if (value < 0) return std::nullopt;
    group = (group << 6) | static_cast<uint32_t>(value);
    if (i % 4 != 3) continue;
    for (int shift : {16, 8, 0}) bytes.push_back(static_cast<char>((group >> shift) & 0xFF));
    group = 0;
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

std::string EncodeHex(std::string_view bytes) {
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (char c : bytes) {
    hex.push_back(kHexDigits[static_cast<uint8_t>(c) >> 4]);
    hex.push_back(kHexDigits[static_cast<uint8_t>(c) & 15]);
  }
  return hex;
}

std::optional<std::string> DecodeHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const size_t high = kHexDigits.find(text[i]);
    const size_t low = kHexDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

void AppendUtf8(char32_t scalar, std::string* out) {
  auto tail = [out](char32_t bits) { out->push_back(static_cast<char>(0x80 | (bits & 0x3F))); };
  if (scalar < 0x80) {
    out->push_back(static_cast<char>(scalar));
  } else if (scalar < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (scalar >> 6)));
    tail(scalar);
  } else if (scalar < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (scalar >> 12)));
    tail(scalar >> 6);
    tail(scalar);
  } else {
    out->push_back(static_cast<char>(0xF0 | (scalar >> 18)));
    tail(scalar >> 12);
    tail(scalar >> 6);
    tail(scalar);
  }
}

}  // namespace tallymark
