#include "engine/filter_set.h"

#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <map>
#include <tuple>

namespace tallymark {
namespace {

uint32_t Number4(const IpAddress& ip) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | ip.bytes[i];
  return number;
}

unsigned __int128 Number6(const IpAddress& ip) {
  unsigned __int128 number = 0;
  for (uint8_t byte : ip.bytes) number = number << 8 | byte;
  return number;
}

uint64_t NextId() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1) + 1;
}

template <class Number>
typename RangeTable<Number>::Range RangeOf(Number first, int bits, uint32_t owner) {
  constexpr int kBits = sizeof(Number) * 8;
  const Number free =
      bits == 0 ? static_cast<Number>(~Number{0}) : static_cast<Number>((Number{1} << (kBits - bits)) - 1);
  return {first, static_cast<Number>(first | free), owner};
}

}  // namespace

// How many filters name a term: what few name is worth being filed under.
struct FilterSet::Occurrences {
  using Key = std::tuple<uint32_t, TermKind, std::string>;
  std::map<Key, uint32_t> counts;

  void Count(const Check& check) {
    if (check.negated) return;
    for (const std::string& value : check.values) ++counts[{check.attribute, TermKind::kValue, value}];
    for (const Term& term : check.others) ++counts[{check.attribute, term.kind, term.text}];
  }
  // Smaller is better. A network or prefix stands for many values, a kind for a third of all events.
  uint64_t CostOf(const Check& check) const {
    if (check.negated) return std::numeric_limits<uint64_t>::max();
    uint64_t most = 0;
    for (const std::string& value : check.values)
      most = std::max<uint64_t>(most, counts.at({check.attribute, TermKind::kValue, value}));
    for (const Term& term : check.others)
      most = std::max<uint64_t>(most, counts.at({check.attribute, term.kind, term.text}));
    const uint64_t width = check.attribute == kKindAttribute ? 3 : check.others.empty() ? 0 : 1;
    return (most << 2 | width) << 16 | std::min<size_t>(check.values.size() + check.others.size(), 0xFFFF);
  }
};

FilterSet::FilterSet(std::vector<Member> members) : id_(NextId()), attributes_(kFirstExtra) {
  std::ranges::sort(members, {}, &Member::number);
  Occurrences occurrences;
  for (const Member& member : members) {
    Filter filter;
    filter.number = member.number;
    filter.active_from = member.active_from;
    newest_ = std::max(newest_, member.active_from);
    for (const AttributePattern& pattern : member.definition.patterns) {
      if (!pattern.terms.empty()) filter.checks.push_back(Compile(pattern));
    }
    for (const Check& check : filter.checks) occurrences.Count(check);
    filters_.push_back(std::move(filter));
  }
  for (uint32_t place = 0; place < filters_.size(); ++place) File(place, occurrences);
  BuildTable();
}

uint32_t FilterSet::AttributeIndex(const std::string& name) {
  for (int i = 0; i < kFieldCount; ++i) {
    if (FieldName(static_cast<Field>(i)) == name) return static_cast<uint32_t>(i);
  }
  if (name == "kind") return kKindAttribute;
  if (name == "revenue") return kRevenueAttribute;
  auto [found, added] = extra_names_.emplace(name, static_cast<uint32_t>(attributes_.size()));
  if (added) attributes_.emplace_back();
  return found->second;
}

FilterSet::Check FilterSet::Compile(const AttributePattern& pattern) {
  Check check;
  check.attribute = AttributeIndex(pattern.attribute);
  check.negated = pattern.negated;
  for (const PatternTerm& term : pattern.terms) {
    if (term.kind == TermKind::kValue) {
      check.values.push_back(term.text);
    } else {
      Term& other = check.others.emplace_back(Term{term.kind, term.text, {}});
      if (term.kind == TermKind::kCidr) other.network = ParseCidr(term.text).value_or(Cidr());
    }
  }
  std::ranges::sort(check.values);
  check.values.erase(std::unique(check.values.begin(), check.values.end()), check.values.end());
  return check;
}

void FilterSet::File(uint32_t place, const Occurrences& occurrences) {
  const std::vector<Check>& checks = filters_[place].checks;
  if (checks.empty()) {
    everything_.push_back(place);
    return;
  }
  const auto rarest =
      std::ranges::min_element(checks, {}, [&](const Check& check) { return occurrences.CostOf(check); });
  FileUnder(place, *rarest);
}

void FilterSet::FileUnder(uint32_t place, const Check& check) {
  Attribute& attribute = attributes_[check.attribute];
  if (check.negated) attribute.present.push_back(place);
  if (!check.negated) {
    for (const std::string& value : check.values) AddEntry(check.attribute, false, value, place);
    for (const Term& term : check.others) {
      if (term.kind == TermKind::kPrefix) AddEntry(check.attribute, true, term.text, place);
      if (term.kind == TermKind::kCidr) AddNetwork(term.network, place);
    }
  }
  if (check.attribute >= kFirstExtra) return;
  if (std::ranges::find(filed_, check.attribute) == filed_.end()) filed_.push_back(check.attribute);
}

void FilterSet::AddEntry(uint32_t attribute, bool is_prefix, const std::string& text, uint32_t place) {
  if (is_prefix) {
    std::vector<uint16_t>& sizes = attributes_[attribute].prefix_sizes;
    const auto size = static_cast<uint16_t>(text.size());
    auto at = std::ranges::lower_bound(sizes, size);
    if (at == sizes.end() || *at != size) sizes.insert(at, size);
  } else {
    attributes_[attribute].has_values = true;
  }
  const std::string key = std::to_string(attribute) + (is_prefix ? "*" : "=") + text;
  auto [found, added] = entry_index_.emplace(key, static_cast<uint32_t>(entries_.size()));
  if (added) entries_.push_back({Hash(attribute, is_prefix, text), attribute, is_prefix, text, {}});
  entries_[found->second].filters.push_back(place);
}

void FilterSet::AddNetwork(const Cidr& network, uint32_t place) {
  if (network.address.size == 4) {
    ranges4_.push_back(RangeOf(Number4(network.address), network.bits, place));
  } else {
    ranges6_.push_back(RangeOf(Number6(network.address), network.bits, place));
  }
}

uint64_t FilterSet::Hash(uint32_t attribute, bool is_prefix, std::string_view text) {
  return Mix(attribute, is_prefix, XXH3_64bits(text.data(), text.size()));
}

void FilterSet::BuildTable() {
  const size_t slots = std::bit_ceil(entries_.size() * 2 + 2);
  table_.assign(slots, 0);
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    size_t at = entries_[i].hash >> shift_;
    while (table_[at] != 0) at = (at + 1) & mask_;
    table_[at] = i + 1;
  }
  entry_index_.clear();
  networks4_ = RangeTable<uint32_t>(std::move(ranges4_));
  networks6_ = RangeTable<unsigned __int128>(std::move(ranges6_));
}

}  // namespace tallymark
