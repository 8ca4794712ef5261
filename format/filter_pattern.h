#ifndef TALLYMARK_FORMAT_FILTER_PATTERN_H_
#define TALLYMARK_FORMAT_FILTER_PATTERN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/ip_address.h"
#include "format/status.h"

namespace tallymark {

// Stored: never renumber.
enum class TermKind : uint8_t {
  kValue = 1,   // the attribute's text
  kPrefix = 2,  // how it begins
  kCidr = 3,    // of `ip`: a network, "10.0.0.0/8"
};

struct PatternTerm {
  TermKind kind = TermKind::kValue;
  std::string text;  // canonical; a prefix is without its star
  friend bool operator==(const PatternTerm&, const PatternTerm&) = default;
};

// What one attribute must be like: any of the terms, or, negated, present and none of them. Without
// terms it is "*", which asks for nothing.
struct AttributePattern {
  std::string attribute;  // "country", "kind", or any name an event may carry
  bool negated = false;
  std::vector<PatternTerm> terms;
  friend bool operator==(const AttributePattern&, const AttributePattern&) = default;
};

// All patterns must match; no attribute comes twice. Without patterns everything matches.
struct FilterDefinition {
  std::vector<AttributePattern> patterns;
  friend bool operator==(const FilterDefinition&, const FilterDefinition&) = default;
};

inline constexpr size_t kFilterPatternsMax = 64;
inline constexpr size_t kFilterTermsMax = 10'000;  // of one filter

// Reads what a user wrote for one attribute and adds it to the definition: one text ("USA", "!USA",
// "87*", "!87*", "10.0.0.0/8", "*"), or, with `is_list`, any number of them that are neither negated
// nor "*". kInvalid names the attribute and says what is wrong. For `kind` the value is a kind, for
// `ip` an address, for `revenue` a decimal; each is brought to the one text that events carry.
Status AddPattern(std::string_view attribute, const std::vector<std::string>& texts, bool is_list,
                  FilterDefinition* definition);

// A term as a user writes it: "87*" for the prefix "87".
std::string TermText(const PatternTerm& term);

// A network: the first `bits` bits of an address; the others are zero.
struct Cidr {
  IpAddress address;
  int bits = 0;
};
// Reads "10.1.2.3/8" as 10.0.0.0/8. Empty: malformed.
std::optional<Cidr> ParseCidr(std::string_view text);
std::string FormatCidr(const Cidr& network);
bool Contains(const Cidr& network, const IpAddress& ip);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_FILTER_PATTERN_H_
