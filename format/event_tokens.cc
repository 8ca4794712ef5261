#include "format/event_tokens.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "format/event_number.h"
#include "format/event_utf8.h"

namespace tallymark {
namespace {

using Class = std::array<bool, 256>;

// Bytes that may stand unescaped in a name. Control characters never do.
constexpr Class NameClass(std::string_view excluded) {
  Class allowed{};
  for (size_t c = 0x20; c < allowed.size(); ++c) allowed[c] = c != 0x7F;
  for (char c : excluded) allowed[static_cast<uint8_t>(c)] = false;
  return allowed;
}
constexpr Class kMeasurementBytes = NameClass(", ");
constexpr Class kNameBytes = NameClass(",= ");

bool IsEscape(Escapes escapes, char next, char* meaning) {
  *meaning = next;
  switch (escapes) {
    case Escapes::kMeasurement:
      return next == ',' || next == ' ';
    case Escapes::kName:
      return next == ',' || next == ' ' || next == '=';
    case Escapes::kString:
      if (next == '"' || next == '\\') return true;
      *meaning = next == 'n' ? '\n' : next == 'r' ? '\r' : '\t';
      return next == 'n' || next == 'r' || next == 't';
  }
  return false;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool ReadNumber(std::string_view text, AttributeToken* field, std::string* reason) {
  NumberError error = NumberError::kNone;
  int64_t as_int = 0;
  uint64_t as_uint = 0;
  if (text.back() == 'i') {
    field->type = FieldValue::Type::kInt;
    --field->value.size;
    error = ParseLineInt(text.substr(0, text.size() - 1), &as_int);
  } else if (text.back() == 'u') {
    field->type = FieldValue::Type::kUint;
    --field->value.size;
    error = ParseLineUint(text.substr(0, text.size() - 1), &as_uint);
  } else {
    field->type = FieldValue::Type::kFloat;
    error = CheckLineFloat(text);
  }
  if (error == NumberError::kSyntax) *reason = "not a number";
  if (error == NumberError::kRange) *reason = "number out of range";
  return error == NumberError::kNone;
}

}  // namespace

void AppendUnescaped(Escapes escapes, std::string_view raw, std::string* out) {
  for (size_t i = 0; i < raw.size(); ++i) {
    char meaning = 0;
    if (raw[i] == '\\' && i + 1 < raw.size() && IsEscape(escapes, raw[i + 1], &meaning)) {
      out->push_back(meaning);
      ++i;
    } else {
      out->push_back(raw[i]);
    }
  }
}

LineTokenizer::Outcome LineTokenizer::Next(LineTokens* tokens, TokenFailure* failure) {
  if (SkipEmptyLines(failure)) {
    if (position_ == input_.size()) return Outcome::kEnd;
    line_begin_ = position_;
    if (ReadLine(tokens, failure)) {
      line_end_ = position_;
      if (position_ < input_.size() && input_[position_] == '\r') ++position_;
      if (position_ < input_.size()) ++position_;
      return Outcome::kPoint;
    }
  }
  Recover(failure->position);
  return Outcome::kError;
}

void LineTokenizer::Recover(size_t position) {
  size_t lf = input_.find('\n', position);
  line_end_ = lf == std::string_view::npos ? input_.size() : lf;
  position_ = lf == std::string_view::npos ? input_.size() : lf + 1;
  if (line_end_ > line_begin_ && input_[line_end_ - 1] == '\r') --line_end_;
}

bool LineTokenizer::SkipEmptyLines(TokenFailure* failure) {
  while (position_ < input_.size()) {
    line_begin_ = position_;
    SkipSpaces();
    if (position_ == input_.size()) break;
    if (input_[position_] == '#') {
      if (!SkipComment(failure)) return false;
    } else if (AtLineEnd(position_)) {
      position_ = std::min(position_ + (input_[position_] == '\r' ? 2 : 1), input_.size());
    } else {
      position_ = line_begin_;
      break;
    }
  }
  return true;
}

bool LineTokenizer::SkipComment(TokenFailure* failure) {
  for (; !AtLineEnd(position_); ++position_) {
    auto c = static_cast<uint8_t>(input_[position_]);
    if ((c < 0x20 && c != '\t') || c == 0x7F) {
      return Fail(failure, position_, "control character " + Found(position_) + " in a comment");
    }
  }
  if (position_ < input_.size() && input_[position_] == '\r') ++position_;
  if (position_ < input_.size()) ++position_;
  return true;
}

bool LineTokenizer::ReadLine(LineTokens* tokens, TokenFailure* failure) {
  tokens->attributes.clear();
  tokens->tag_count = 0;
  tokens->time_ns.reset();
  SkipSpaces();
  if (!TakeName(Escapes::kMeasurement, &tokens->measurement, failure)) return false;
  if (tokens->measurement.size == 0) {
    return Fail(failure, position_, "expected a measurement, found " + Found(position_));
  }
  if (!ReadTags(tokens, failure)) return false;
  SkipSpaces();
  bool no_fields =
      options_.allow_no_fields && tokens->tag_count > 0 && (AtLineEnd(position_) || IsLoneTime());
  if (!no_fields && !ReadFields(tokens, failure)) return false;
  SkipSpaces();
  if (!AtLineEnd(position_) && !ReadTime(tokens, failure)) return false;
  return true;
}

bool LineTokenizer::ReadTags(LineTokens* tokens, TokenFailure* failure) {
  while (position_ < input_.size() && input_[position_] == ',') {
    ++position_;
    AttributeToken tag;
    if (!TakeName(Escapes::kName, &tag.name, failure)) return false;
    if (tag.name.size == 0) return Fail(failure, position_, "expected a tag key, found " + Found(position_));
    if (position_ == input_.size() || input_[position_] != '=') {
      return Fail(failure, position_, "expected '=' after the tag key, found " + Found(position_));
    }
    ++position_;
    if (!TakeName(Escapes::kName, &tag.value, failure)) return false;
    if (tag.value.size == 0)
      return Fail(failure, position_, "expected a tag value, found " + Found(position_));
    tokens->attributes.push_back(tag);
    ++tokens->tag_count;
  }
  if (AtLineEnd(position_) || input_[position_] == ' ') return true;
  return Fail(failure, position_, "expected ',' or a space, found " + Found(position_));
}

bool LineTokenizer::ReadFields(LineTokens* tokens, TokenFailure* failure) {
  while (true) {
    AttributeToken field;
    if (!TakeName(Escapes::kName, &field.name, failure)) return false;
    if (field.name.size == 0)
      return Fail(failure, position_, "expected a field key, found " + Found(position_));
    if (position_ == input_.size() || input_[position_] != '=') {
      return Fail(failure, position_, "expected '=' after the field key, found " + Found(position_));
    }
    ++position_;
    if (!ReadFieldValue(&field, failure)) return false;
    tokens->attributes.push_back(field);
    if (AtLineEnd(position_) || input_[position_] == ' ') return true;
    if (input_[position_] != ',') {
      return Fail(failure, position_, "expected ',' or a space after the field, found " + Found(position_));
    }
    ++position_;
  }
}

bool LineTokenizer::ReadFieldValue(AttributeToken* field, TokenFailure* failure) {
  if (position_ < input_.size() && input_[position_] == '"') return ReadString(field, failure);
  size_t begin = position_;
  while (!AtLineEnd(position_) && input_[position_] != ',' && input_[position_] != ' ') ++position_;
  std::string_view text = input_.substr(begin, position_ - begin);
  if (text.empty()) return Fail(failure, begin, "expected a field value, found " + Found(begin));
  field->value = {begin, text.size(), false};
  std::string reason;
  if (IsDigit(text[0]) || text[0] == '-' || text[0] == '.') {
    return ReadNumber(text, field, &reason) || Fail(failure, begin, reason);
  }
  bool ignored = false;
  field->type = FieldValue::Type::kBool;
  return ParseLineBool(text, &ignored) || Fail(failure, begin, "not a number, a boolean or a quoted string");
}

bool LineTokenizer::ReadString(AttributeToken* field, TokenFailure* failure) {
  size_t quote = position_++;
  field->type = FieldValue::Type::kString;
  field->value = {position_, 0, false};
  for (; position_ < input_.size(); ++position_) {
    char c = input_[position_];
    if (c == '"') {
      field->value.size = position_ - field->value.begin;
      ++position_;
      return CheckUtf8(field->value, failure);
    }
    if (c == '\n' && options_.lf_always_ends_line) break;
    if (c != '\\') continue;
    field->value.escaped = true;
    char meaning = 0;
    if (position_ + 1 < input_.size() && IsEscape(Escapes::kString, input_[position_ + 1], &meaning))
      ++position_;
  }
  return Fail(failure, quote, "the quoted string has no end");
}

bool LineTokenizer::ReadTime(LineTokens* tokens, TokenFailure* failure) {
  size_t begin = position_;
  while (!AtLineEnd(position_) && input_[position_] != ' ') ++position_;
  int64_t time = 0;
  NumberError error = ParseLineInt(input_.substr(begin, position_ - begin), &time);
  if (error == NumberError::kSyntax) return Fail(failure, begin, "not a timestamp");
  if (error == NumberError::kRange || __builtin_mul_overflow(time, options_.unit_ns, &time)) {
    failure->code = TokenFailure::Code::kTimeRange;
    failure->position = begin;
    failure->reason = "the timestamp does not fit 64 bits of nanoseconds";
    return false;
  }
  tokens->time_ns = time;
  SkipSpaces();
  if (AtLineEnd(position_)) return true;
  return Fail(failure, position_,
              "expected the end of the line after the timestamp, found " + Found(position_));
}

bool LineTokenizer::TakeName(Escapes escapes, TextToken* token, TokenFailure* failure) {
  const Class& allowed = escapes == Escapes::kMeasurement ? kMeasurementBytes : kNameBytes;
  *token = {position_, 0, false};
  while (position_ < input_.size()) {
    char c = input_[position_];
    char meaning = 0;
    if (c == '\\') {
      token->escaped = true;
      if (position_ + 1 < input_.size() && IsEscape(escapes, input_[position_ + 1], &meaning)) ++position_;
    } else if (!allowed[static_cast<uint8_t>(c)]) {
      break;
    }
    ++position_;
  }
  token->size = position_ - token->begin;
  return CheckUtf8(*token, failure);
}

bool LineTokenizer::CheckUtf8(const TextToken& token, TokenFailure* failure) const {
  if (IsUtf8(input_.substr(token.begin, token.size))) return true;
  failure->code = TokenFailure::Code::kNotUtf8;
  failure->position = token.begin;
  failure->reason = "not UTF-8";
  return false;
}

// A carriage return ends a line only together with a line feed or the end of the input.
bool LineTokenizer::AtLineEnd(size_t at) const {
  if (at == input_.size() || input_[at] == '\n') return true;
  return input_[at] == '\r' && (at + 1 == input_.size() || input_[at + 1] == '\n');
}

// Whether nothing but a timestamp is left in the line; a field would have an equals sign.
bool LineTokenizer::IsLoneTime() const {
  size_t at = position_;
  if (input_[at] == '-') ++at;
  size_t digits = at;
  while (at < input_.size() && IsDigit(input_[at])) ++at;
  if (at == digits) return false;
  while (at < input_.size() && input_[at] == ' ') ++at;
  return AtLineEnd(at);
}

void LineTokenizer::SkipSpaces() {
  while (position_ < input_.size() && input_[position_] == ' ') ++position_;
}

bool LineTokenizer::Fail(TokenFailure* failure, size_t position, std::string reason) const {
  failure->code = TokenFailure::Code::kSyntax;
  failure->position = position;
  failure->reason = std::move(reason);
  return false;
}

std::string LineTokenizer::Found(size_t at) const {
  if (at == input_.size()) return "the end of the input";
  if (AtLineEnd(at)) return "the end of the line";
  auto c = static_cast<uint8_t>(input_[at]);
  if (c >= 0x20 && c < 0x7F) return {'\'', input_[at], '\''};
  std::array<char, 16> hex{};
  std::snprintf(hex.data(), hex.size(), "byte 0x%02X", c);
  return hex.data();
}

}  // namespace tallymark
