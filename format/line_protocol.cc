#include "format/line_protocol.h"

#include <algorithm>
#include <cassert>

#include "format/event_number.h"
#include "format/event_tokens.h"

namespace tallymark {
namespace {

// Above this many tags a sort is cheaper than comparing all pairs.
constexpr size_t kPairwiseTagsMax = 16;

void Assign(std::string_view input, const TextToken& token, Escapes escapes, std::string* out) {
  std::string_view raw = input.substr(token.begin, token.size);
  out->clear();
  if (token.escaped) {
    AppendUnescaped(escapes, raw, out);
  } else {
    out->assign(raw);
  }
}

void AssignValue(std::string_view input, const AttributeToken& field, FieldValue* out) {
  out->type = field.type;
  Assign(input, field.value, Escapes::kString, &out->text);
  out->as_float = 0;
  out->as_int = 0;
  out->as_uint = 0;
  out->as_bool = false;
  NumberError error = NumberError::kNone;
  if (field.type == FieldValue::Type::kFloat) error = ParseLineFloat(out->text, &out->as_float);
  if (field.type == FieldValue::Type::kInt) error = ParseLineInt(out->text, &out->as_int);
  if (field.type == FieldValue::Type::kUint) error = ParseLineUint(out->text, &out->as_uint);
  if (field.type == FieldValue::Type::kBool) ParseLineBool(out->text, &out->as_bool);
  assert(error == NumberError::kNone);  // the tokenizer has checked the same text
  static_cast<void>(error);
}

// The index of a tag whose key stood before, or tags.size().
size_t RepeatedTag(const std::vector<Tag>& tags) {
  if (tags.size() <= kPairwiseTagsMax) {
    for (size_t i = 1; i < tags.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (tags[i].key == tags[j].key) return i;
      }
    }
    return tags.size();
  }
  std::vector<size_t> order(tags.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    int compared = tags[a].key.compare(tags[b].key);
    return compared != 0 ? compared < 0 : a < b;
  });
  size_t first = tags.size();
  for (size_t i = 1; i < order.size(); ++i) {
    if (tags[order[i]].key == tags[order[i - 1]].key) first = std::min(first, order[i]);
  }
  return first;
}

void FillPoint(std::string_view input, const LineTokens& tokens, Point* point) {
  Assign(input, tokens.measurement, Escapes::kMeasurement, &point->name);
  point->tags.resize(tokens.tag_count);
  point->fields.resize(tokens.attributes.size() - tokens.tag_count);
  for (size_t i = 0; i < tokens.attributes.size(); ++i) {
    const AttributeToken& attribute = tokens.attributes[i];
    if (i < tokens.tag_count) {
      Assign(input, attribute.name, Escapes::kName, &point->tags[i].key);
      Assign(input, attribute.value, Escapes::kName, &point->tags[i].value);
    } else {
      FieldItem& field = point->fields[i - tokens.tag_count];
      Assign(input, attribute.name, Escapes::kName, &field.key);
      AssignValue(input, attribute, &field.value);
    }
  }
  point->time_ns = tokens.time_ns;
}

size_t CountLines(std::string_view input, size_t begin, size_t end) {
  std::string_view part = input.substr(begin, end - begin);
  return static_cast<size_t>(std::count(part.begin(), part.end(), '\n'));
}

}  // namespace

LineReader::LineReader(std::string_view input, Options options) : input_(input), options_(options) {}

LineReader::Outcome LineReader::Next(Point* point, LineError* error) {
  LineTokenizer tokenizer(input_, options_);
  tokenizer.set_position(position_);
  LineTokens tokens;
  TokenFailure failure;
  Outcome outcome = tokenizer.Next(&tokens, &failure);
  if (outcome == Outcome::kPoint) {
    FillPoint(input_, tokens, point);
    size_t repeated = RepeatedTag(point->tags);
    if (repeated < point->tags.size()) {
      failure.position = tokens.attributes[repeated].name.begin;
      failure.reason = "the tag key stands twice";
      outcome = Outcome::kError;
    }
  }
  line_begin_ = tokenizer.line_begin();
  line_end_ = tokenizer.line_end();
  if (outcome == Outcome::kError) {
    size_t last_lf = input_.substr(0, failure.position).rfind('\n');
    error->line = line_number_ + CountLines(input_, position_, failure.position);
    error->column = failure.position - (last_lf == std::string_view::npos ? 0 : last_lf + 1) + 1;
    error->reason = std::move(failure.reason);
  }
  line_number_ += CountLines(input_, position_, tokenizer.position());
  position_ = tokenizer.position();
  return outcome;
}

}  // namespace tallymark
