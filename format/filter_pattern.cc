#include "format/filter_pattern.h"

#include <algorithm>
#include <charconv>

#include "format/decimal.h"
#include "format/event_chunk.h"
#include "format/event_parser.h"
#include "format/event_utf8.h"

namespace tallymark {
namespace {

constexpr std::string_view kKind = "kind";
constexpr std::string_view kIp = "ip";
constexpr std::string_view kRevenue = "revenue";

Status Wrong(std::string_view attribute, const std::string& what) {
  return Status::Invalid(std::string(attribute) + ": " + what);
}

bool IsKindName(std::string_view text) {
  for (int kind = 1; kind <= kEventKindCount; ++kind) {
    if (EventKindName(static_cast<EventKind>(kind)) == text) return true;
  }
  return false;
}

// The one text an event would carry for this value; a Status where it could carry none.
Result<std::string> CanonicalValue(std::string_view attribute, std::string_view text) {
  if (attribute == kIp) {
    std::optional<std::string> ip = CanonicalIp(text);
    if (!ip)
      return Wrong(attribute, "\"" + std::string(text) + "\" is not an address, a network or a prefix*");
    return *std::move(ip);
  }
  if (attribute == kRevenue) {
    std::optional<int64_t> micros = ParseMicros(text);
    if (!micros) return Wrong(attribute, "\"" + std::string(text) + "\" is not a decimal");
    return FormatMicros(*micros);
  }
  if (attribute == kKind && !IsKindName(text)) {
    return Wrong(attribute, "\"" + std::string(text) + "\" is not impression, click or conversion");
  }
  return std::string(text);
}

Result<PatternTerm> ReadTerm(std::string_view attribute, std::string_view text) {
  if (text.size() > kMaxAttributeValueBytes) return Wrong(attribute, "a value is over 1024 bytes");
  if (!IsUtf8(text)) return Wrong(attribute, "a value is not UTF-8");
  if (text.ends_with('*'))
    return PatternTerm{TermKind::kPrefix, std::string(text.substr(0, text.size() - 1))};
  if (attribute == kIp && text.find('/') != std::string_view::npos) {
    std::optional<Cidr> network = ParseCidr(text);
    if (!network) return Wrong(attribute, "\"" + std::string(text) + "\" is a malformed network (CIDR)");
    return PatternTerm{TermKind::kCidr, FormatCidr(*network)};
  }
  Result<std::string> value = CanonicalValue(attribute, text);
  if (!value.ok()) return value.status();
  return PatternTerm{TermKind::kValue, *std::move(value)};
}

Status CheckAttribute(std::string_view attribute, const FilterDefinition& definition) {
  if (attribute.empty() || attribute.size() > kMaxAttributeNameBytes || !IsUtf8(attribute)) {
    return Status::Invalid("a filter's attribute has a name of 1 to 64 bytes of UTF-8");
  }
  if (definition.patterns.size() >= kFilterPatternsMax) {
    return Wrong(attribute, "a filter has at most " + std::to_string(kFilterPatternsMax) + " attributes");
  }
  const bool twice = std::ranges::any_of(definition.patterns,
                                         [&](const AttributePattern& p) { return p.attribute == attribute; });
  return twice ? Wrong(attribute, "comes twice") : Status::Ok();
}

Status ReadList(const std::vector<std::string>& texts, AttributePattern* pattern) {
  if (texts.empty()) return Wrong(pattern->attribute, "an empty list matches nothing");
  for (const std::string& text : texts) {
    if (text.starts_with('!')) return Wrong(pattern->attribute, "!value stands alone, not in a list");
    if (text == "*") return Wrong(pattern->attribute, "* stands alone, not in a list");
    Result<PatternTerm> term = ReadTerm(pattern->attribute, text);
    if (!term.ok()) return term.status();
    pattern->terms.push_back(*std::move(term));
  }
  return Status::Ok();
}

Status ReadSingle(std::string_view text, AttributePattern* pattern) {
  if (text == "*") return Status::Ok();
  pattern->negated = text.starts_with('!');
  if (pattern->negated) text.remove_prefix(1);
  if (pattern->negated && text == "*") return Wrong(pattern->attribute, "!* matches nothing");
  Result<PatternTerm> term = ReadTerm(pattern->attribute, text);
  if (!term.ok()) return term.status();
  pattern->terms.push_back(*std::move(term));
  return Status::Ok();
}

}  // namespace

Status AddPattern(std::string_view attribute, const std::vector<std::string>& texts, bool is_list,
                  FilterDefinition* definition) {
  Status status = CheckAttribute(attribute, *definition);
  if (!status.ok()) return status;
  AttributePattern pattern;
  pattern.attribute = attribute;
  status = is_list ? ReadList(texts, &pattern) : ReadSingle(texts.front(), &pattern);
  if (!status.ok()) return status;
  size_t terms = pattern.terms.size();
  for (const AttributePattern& other : definition->patterns) terms += other.terms.size();
  if (terms > kFilterTermsMax) {
    return Wrong(attribute, "a filter has at most " + std::to_string(kFilterTermsMax) + " values");
  }
  definition->patterns.push_back(std::move(pattern));
  return Status::Ok();
}

std::string TermText(const PatternTerm& term) {
  return term.kind == TermKind::kPrefix ? term.text + "*" : term.text;
}

std::optional<Cidr> ParseCidr(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  std::optional<IpAddress> ip = ParseIp(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  int bits = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (!ip || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (bits < 0 || bits > ip->size * 8 || digits.starts_with('-')) return std::nullopt;
  for (int i = 0; i < ip->size; ++i) {
    const int kept = std::clamp(bits - i * 8, 0, 8);
    auto& byte = ip->bytes[static_cast<size_t>(i)];
    byte = static_cast<uint8_t>(byte & (0xFF00 >> kept));
  }
  return Cidr{*ip, bits};
}

std::string FormatCidr(const Cidr& network) {
  return FormatIp(network.address) + "/" + std::to_string(network.bits);
}

bool Contains(const Cidr& network, const IpAddress& ip) {
  if (network.address.size != ip.size) return false;
  const auto whole = static_cast<size_t>(network.bits / 8);
  if (!std::equal(ip.bytes.begin(), ip.bytes.begin() + whole, network.address.bytes.begin())) return false;
  const int rest = network.bits % 8;
  return rest == 0 ||
         static_cast<uint8_t>(ip.bytes[whole] & (0xFF00 >> rest)) == network.address.bytes[whole];
}

}  // namespace tallymark
