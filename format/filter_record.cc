#include "format/filter_record.h"

#include "format/checksum.h"
#include "format/coding.h"

namespace tallymark {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kHasCurrent = 1;
constexpr uint8_t kHasNext = 2;
constexpr uint8_t kNegated = 1;

void PutPattern(const AttributePattern& pattern, std::string* out) {
  PutLengthPrefixed(out, pattern.attribute);
  PutFixed<uint8_t>(out, pattern.negated ? kNegated : 0);
  PutVarint64(out, pattern.terms.size());
  for (const PatternTerm& term : pattern.terms) {
    PutFixed(out, static_cast<uint8_t>(term.kind));
    PutLengthPrefixed(out, term.text);
  }
}

void PutFilterVersion(const FilterVersion& version, std::string* out) {
  PutFixed(out, version.number);
  PutFixed(out, version.active_from);
  PutFixed(out, version.job);
  PutFixed(out, version.complete_from_hour);
  PutVarint64(out, version.definition.patterns.size());
  for (const AttributePattern& pattern : version.definition.patterns) PutPattern(pattern, out);
}

bool GetTerm(std::string_view* in, PatternTerm* term) {
  uint8_t kind = 0;
  std::string_view text;
  if (!GetFixed(in, &kind) || !GetLengthPrefixed(in, &text)) return false;
  if (kind < static_cast<uint8_t>(TermKind::kValue) || kind > static_cast<uint8_t>(TermKind::kCidr)) {
    return false;
  }
  term->kind = static_cast<TermKind>(kind);
  term->text = text;
  return term->kind != TermKind::kCidr || ParseCidr(text).has_value();
}

bool GetPattern(std::string_view* in, AttributePattern* pattern) {
  std::string_view attribute;
  uint8_t flags = 0;
  uint64_t terms = 0;
  if (!GetLengthPrefixed(in, &attribute) || !GetFixed(in, &flags) || !GetVarint64(in, &terms)) return false;
  if (flags > kNegated || terms > kFilterTermsMax || (flags == kNegated && terms == 0)) return false;
  pattern->attribute = attribute;
  pattern->negated = flags == kNegated;
  for (uint64_t i = 0; i < terms; ++i) {
    if (!GetTerm(in, &pattern->terms.emplace_back())) return false;
  }
  return true;
}

bool GetFilterVersion(std::string_view* in, FilterVersion* version) {
  uint64_t patterns = 0;
  if (!GetFixed(in, &version->number) || !GetFixed(in, &version->active_from) ||
      !GetFixed(in, &version->job) || !GetFixed(in, &version->complete_from_hour) ||
      !GetVarint64(in, &patterns) || patterns > kFilterPatternsMax) {
    return false;
  }
  for (uint64_t i = 0; i < patterns; ++i) {
    if (!GetPattern(in, &version->definition.patterns.emplace_back())) return false;
  }
  return true;
}

}  // namespace

std::string EncodeFilterRecord(const FilterRecord& record) {
  std::string out;
  PutFixed(&out, kVersion);
  PutFixed<uint8_t>(&out, (record.current ? kHasCurrent : 0U) | (record.next ? kHasNext : 0U));
  if (record.current) PutFilterVersion(*record.current, &out);
  if (record.next) PutFilterVersion(*record.next, &out);
  PutFixed(&out, Checksum32(out));
  return out;
}

Status DecodeFilterRecord(std::string_view bytes, FilterRecord* record) {
  *record = FilterRecord();
  if (bytes.size() < sizeof(uint32_t)) return Status::Corruption("a filter's record is too short");
  std::string_view sum = bytes.substr(bytes.size() - sizeof(uint32_t));
  bytes.remove_suffix(sizeof(uint32_t));
  uint32_t checksum = 0;
  if (!GetFixed(&sum, &checksum) || Checksum32(bytes) != checksum) {
    return Status::Corruption("a filter's record has a wrong checksum");
  }
  uint8_t version = 0;
  uint8_t flags = 0;
  if (!GetFixed(&bytes, &version) || version != kVersion) {
    return Status::Corruption("a filter's record has version " + std::to_string(version));
  }
  bool whole = GetFixed(&bytes, &flags) && flags != 0 && flags <= (kHasCurrent | kHasNext);
  if (whole && (flags & kHasCurrent) != 0) whole = GetFilterVersion(&bytes, &record->current.emplace());
  if (whole && (flags & kHasNext) != 0) whole = GetFilterVersion(&bytes, &record->next.emplace());
  return whole && bytes.empty() ? Status::Ok() : Status::Corruption("a filter's record does not decode");
}

}  // namespace tallymark
