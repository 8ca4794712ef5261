#include "engine/filter_matcher.h"

#include <algorithm>

#include "format/decimal.h"

namespace tallymark {

void FilterMatcher::Match(const FilterSet& set, const EventChunk& chunk, const Event& event,
                          std::vector<uint32_t>* places) {
  if (set.empty()) return;
  set_ = &set;
  if (set_id_ != set.id()) Prepare(set);
  chunk_ = &chunk;
  event_ = &event;
  places_ = places;
  ++event_number_;
  // Extras first: whatever is looked up may have one to check.
  extras_found_.clear();
  if (!set.extra_names_.empty() && event.extra_count > 0) FindExtras();
  for (uint32_t attribute : set.filed_) LookUp(attribute);
  for (uint32_t attribute : extras_found_) LookUp(attribute);
  places->insert(places->end(), set.everything_.begin(), set.everything_.end());
}

void FilterMatcher::Prepare(const FilterSet& set) {
  set_id_ = set.id();
  considered_.assign(set.size(), 0);
  extras_.assign(set.attributes_.size() - FilterSet::kFirstExtra, {});
  names_.clear();
}

uint32_t FilterMatcher::ExtraAttribute(size_t position, std::string_view name) {
  if (position < names_.size() && names_[position].name == name) return names_[position].attribute;
  auto found = set_->extra_names_.find(std::string(name));
  const uint32_t attribute = found == set_->extra_names_.end() ? 0 : found->second;
  if (position >= names_.size()) names_.resize(position + 1);
  names_[position] = {std::string(name), attribute};
  return attribute;
}

void FilterMatcher::FindExtras() {
  for (uint32_t i = 0; i < event_->extra_count; ++i) {
    const Extra& extra = chunk_->extras[event_->extra_begin + i];
    const uint32_t attribute = ExtraAttribute(i, chunk_->ExtraName(extra));
    if (attribute == 0) continue;
    extras_[attribute - FilterSet::kFirstExtra] = {event_number_, chunk_->ExtraValue(extra)};
    extras_found_.push_back(attribute);
  }
}

// False when the event does not carry the attribute.
bool FilterMatcher::Value(uint32_t attribute, std::string_view* text) {
  if (attribute < kFieldCount) {
    const auto field = static_cast<Field>(attribute);
    *text = chunk_->Get(*event_, field);
    return event_->Has(field);
  }
  if (attribute == FilterSet::kKindAttribute) {
    *text = EventKindName(event_->kind);
    return true;
  }
  if (attribute == FilterSet::kRevenueAttribute) {
    if (!event_->has_revenue) return false;
    revenue_ = FormatMicros(event_->revenue_micros);
    *text = revenue_;
    return true;
  }
  const ExtraValue& extra = extras_[attribute - FilterSet::kFirstExtra];
  *text = extra.text;
  return extra.event == event_number_;
}

const std::optional<IpAddress>& FilterMatcher::Ip() {
  if (ip_event_ != event_number_) ip_ = ParseIp(chunk_->Get(*event_, Field::kIp));
  ip_event_ = event_number_;
  return ip_;
}

void FilterMatcher::LookUp(uint32_t attribute) {
  std::string_view text;
  if (!Value(attribute, &text)) return;
  const FilterSet::Attribute& filed = set_->attributes_[attribute];
  if (filed.has_values) {
    const uint64_t hash = attribute == static_cast<uint32_t>(Field::kAdId)
                              ? FilterSet::Mix(attribute, false, event_->ad_hash)
                              : FilterSet::Hash(attribute, false, text);
    if (const FilterSet::Entry* entry = set_->Find(attribute, false, text, hash)) Offer(entry->filters);
  }
  for (uint16_t size : filed.prefix_sizes) {
    if (size > text.size()) break;
    const std::string_view prefix = text.substr(0, size);
    const FilterSet::Entry* entry =
        set_->Find(attribute, true, prefix, FilterSet::Hash(attribute, true, prefix));
    if (entry != nullptr) Offer(entry->filters);
  }
  if (attribute == static_cast<uint32_t>(Field::kIp)) LookUpNetworks();
  Offer(filed.present);
}

void FilterMatcher::LookUpNetworks() {
  if (set_->networks4_.empty() && set_->networks6_.empty()) return;
  const std::optional<IpAddress>& ip = Ip();
  if (!ip) return;
  if (ip->size == 4) {
    uint32_t number = 0;
    for (size_t i = 0; i < 4; ++i) number = number << 8 | ip->bytes[i];
    for (uint32_t place : set_->networks4_.Find(number)) Consider(place);
  } else {
    unsigned __int128 number = 0;
    for (uint8_t byte : ip->bytes) number = number << 8 | byte;
    for (uint32_t place : set_->networks6_.Find(number)) Consider(place);
  }
}

void FilterMatcher::Offer(const std::vector<uint32_t>& filters) {
  for (uint32_t place : filters) Consider(place);
}

// A filter may be filed under several terms that one value has.
void FilterMatcher::Consider(uint32_t place) {
  if (considered_[place] == event_number_) return;
  considered_[place] = event_number_;
  for (const Check& check : set_->filters_[place].checks) {
    if (!Passes(check)) return;
  }
  places_->push_back(place);
}

bool FilterMatcher::Passes(const Check& check) {
  std::string_view text;
  return Value(check.attribute, &text) && AnyTerm(check, text) != check.negated;
}

bool FilterMatcher::AnyTerm(const Check& check, std::string_view text) {
  if (!check.values.empty()) {
    const auto at = std::ranges::lower_bound(
        check.values, text, {}, [](const std::string& value) { return std::string_view(value); });
    if (at != check.values.end() && *at == text) return true;
  }
  return std::ranges::any_of(check.others, [&](const FilterSet::Term& term) {
    if (term.kind == TermKind::kPrefix) return text.starts_with(term.text);
    return Ip().has_value() && Contains(term.network, *Ip());
  });
}

}  // namespace tallymark
