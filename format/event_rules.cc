#include "format/event_rules.h"

#include <algorithm>

#include "format/decimal.h"
#include "format/ip_address.h"

namespace tallymark {
namespace {

constexpr std::array<std::string_view, kRejectReasonCount> kReasonNames = {
    "parse",         "unknown_kind",        "duplicate_name",    "no_ad",          "reserved_ad",
    "id_too_long",   "too_many_attributes", "name_too_long",     "value_too_long", "not_utf8",
    "bad_ip",        "bad_revenue",         "bad_time",          "too_old",        "in_future",
    "line_too_long", "truncated",           "conversion_expired"};

bool Reject(Rejection* rejection, RejectReason reason, size_t position, std::string detail) {
  *rejection = {reason, position, std::move(detail)};
  return false;
}

}  // namespace

std::string_view RejectReasonName(RejectReason reason) { return kReasonNames[static_cast<size_t>(reason)]; }

uint8_t TargetOf(std::string_view name) {
  for (uint8_t i = 0; i < kFieldCount; ++i) {
    if (name == FieldName(static_cast<Field>(i))) return i;
  }
  return name == "revenue" ? kRevenueTarget : kExtraTarget;
}

size_t ValueBytesMax(uint8_t target) {
  bool is_id = target < kFieldCount && target != static_cast<uint8_t>(Field::kIp) &&
               target != static_cast<uint8_t>(Field::kCountry);
  return is_id ? kMaxIdBytes : kMaxAttributeValueBytes;
}

bool ParseEventKind(std::string_view measurement, EventKind* kind) {
  for (EventKind candidate : {EventKind::kImpression, EventKind::kClick, EventKind::kConversion}) {
    if (measurement != EventKindName(candidate)) continue;
    *kind = candidate;
    return true;
  }
  return false;
}

bool IsCanonicalIp(const char* text, size_t size) {
  std::optional<std::string> canonical = CanonicalIp({text, size});
  return canonical && *canonical == std::string_view(text, size);
}

bool ReadMicros(const char* text, size_t size, int64_t* micros) {
  std::optional<int64_t> parsed = ParseMicros({text, size});
  if (parsed) *micros = *parsed;
  return parsed.has_value();
}

bool EventBuilder::Build(const LineTokens& tokens, size_t base, const EventParseOptions& options,
                         EventChunk* chunk, Rejection* rejection) {
  Event event;
  std::string_view measurement(chunk->text.data() + base + tokens.measurement.begin, tokens.measurement.size);
  if (!ParseEventKind(measurement, &event.kind)) {
    return Reject(rejection, RejectReason::kUnknownKind, base + tokens.measurement.begin,
                  "the measurement is none of impression, click, conversion");
  }
  size_t text_mark = chunk->text.size();
  size_t extras_mark = chunk->extras.size();
  event.extra_begin = static_cast<uint32_t>(extras_mark);
  event.time_ns = tokens.time_ns.value_or(options.read_time_ns);
  bool accepted = ReadNames(tokens, base, chunk, rejection) && CheckNamesDiffer(*chunk, rejection) &&
                  ReadValues(tokens, base, chunk, &event, rejection) && CheckAd(*chunk, event, rejection);
  if (accepted && event.time_ns < options.oldest_ns) {
    accepted = Reject(rejection, RejectReason::kTooOld, Rejection::kWholeLine, "older than what is kept");
  }
  if (accepted && event.time_ns > options.newest_ns) {
    accepted =
        Reject(rejection, RejectReason::kInFuture, Rejection::kWholeLine, "too far ahead of the clock");
  }
  if (accepted) {
    chunk->events.push_back(event);
  } else {
    chunk->text.resize(text_mark);
    chunk->extras.resize(extras_mark);
  }
  return accepted;
}

uint32_t EventBuilder::Resolve(const TextToken& token, Escapes escapes, size_t base, EventChunk* chunk,
                               uint32_t* size) {
  *size = static_cast<uint32_t>(token.size);
  if (!token.escaped) return static_cast<uint32_t>(base + token.begin);
  scratch_.clear();
  AppendUnescaped(escapes, std::string_view(chunk->text).substr(base + token.begin, token.size), &scratch_);
  *size = static_cast<uint32_t>(scratch_.size());
  return chunk->Append(scratch_);
}

bool EventBuilder::ReadNames(const LineTokens& tokens, size_t base, EventChunk* chunk, Rejection* rejection) {
  count_ = tokens.attributes.size();
  if (count_ > kMaxAttributes) {
    return Reject(rejection, RejectReason::kTooManyAttributes,
                  base + tokens.attributes[kMaxAttributes].name.begin,
                  std::to_string(count_) + " tags and fields, at most " + std::to_string(kMaxAttributes));
  }
  for (size_t i = 0; i < count_; ++i) {
    const TextToken& name = tokens.attributes[i].name;
    Attribute& attribute = attributes_[i];
    attribute.position = base + name.begin;
    attribute.name_offset = Resolve(name, Escapes::kName, base, chunk, &attribute.name_size);
    if (attribute.name_size > kMaxAttributeNameBytes) {
      return Reject(rejection, RejectReason::kNameTooLong, attribute.position,
                    "a name of " + std::to_string(attribute.name_size) + " bytes, at most " +
                        std::to_string(kMaxAttributeNameBytes));
    }
    attribute.target =
        TargetOf(std::string_view(chunk->text).substr(attribute.name_offset, attribute.name_size));
  }
  return true;
}

bool EventBuilder::CheckNamesDiffer(const EventChunk& chunk, Rejection* rejection) {
  auto name = [&](size_t i) {
    return std::string_view(chunk.text).substr(attributes_[i].name_offset, attributes_[i].name_size);
  };
  for (size_t i = 1; i < count_; ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (name(i) == name(j)) {
        return Reject(rejection, RejectReason::kDuplicateName, attributes_[i].position,
                      "the name " + std::string(name(i)) + " stands twice");
      }
    }
  }
  return true;
}

bool EventBuilder::ReadValues(const LineTokens& tokens, size_t base, EventChunk* chunk, Event* event,
                              Rejection* rejection) {
  for (size_t i = 0; i < count_; ++i) {
    Attribute& attribute = attributes_[i];
    Escapes escapes = i < tokens.tag_count ? Escapes::kName : Escapes::kString;
    attribute.value_offset = Resolve(tokens.attributes[i].value, escapes, base, chunk, &attribute.value_size);
    if (!SetValue(attribute, chunk, event, rejection)) return false;
  }
  auto begin = chunk->extras.begin() + event->extra_begin;
  std::sort(begin, chunk->extras.end(),
            [&](const Extra& a, const Extra& b) { return chunk->ExtraName(a) < chunk->ExtraName(b); });
  event->extra_count = static_cast<uint8_t>(chunk->extras.end() - begin);
  return true;
}

bool EventBuilder::SetValue(const Attribute& attribute, EventChunk* chunk, Event* event,
                            Rejection* rejection) {
  size_t most = ValueBytesMax(attribute.target);
  if (attribute.value_size > most) {
    RejectReason reason = most == kMaxIdBytes ? RejectReason::kIdTooLong : RejectReason::kValueTooLong;
    return Reject(
        rejection, reason, attribute.position,
        "a value of " + std::to_string(attribute.value_size) + " bytes, at most " + std::to_string(most));
  }
  if (attribute.target == kRevenueTarget) {
    event->has_revenue = true;
    return ReadMicros(chunk->text.data() + attribute.value_offset, attribute.value_size,
                      &event->revenue_micros) ||
           Reject(rejection, RejectReason::kBadRevenue, attribute.position,
                  "revenue is not a decimal of at most six places within range");
  }
  if (attribute.target == kExtraTarget) {
    chunk->extras.push_back({attribute.name_offset, attribute.value_offset,
                             static_cast<uint16_t>(attribute.name_size),
                             static_cast<uint16_t>(attribute.value_size)});
    return true;
  }
  if (attribute.value_size == 0 && EmptyIsAbsent(attribute.target)) return true;
  if (attribute.target == static_cast<uint8_t>(Field::kIp)) return SetIp(attribute, chunk, event, rejection);
  chunk->Set(*event, static_cast<Field>(attribute.target), attribute.value_offset, attribute.value_size);
  return true;
}

bool EventBuilder::SetIp(const Attribute& attribute, EventChunk* chunk, Event* event, Rejection* rejection) {
  std::string_view text = std::string_view(chunk->text).substr(attribute.value_offset, attribute.value_size);
  std::optional<std::string> canonical = CanonicalIp(text);
  if (!canonical) {
    return Reject(rejection, RejectReason::kBadIp, attribute.position, "neither an IPv4 nor an IPv6 address");
  }
  uint32_t offset = *canonical == text ? attribute.value_offset : chunk->Append(*canonical);
  chunk->Set(*event, Field::kIp, offset, canonical->size());
  return true;
}

// A conversion that names its click takes the ad from there.
bool EventBuilder::CheckAd(const EventChunk& chunk, const Event& event, Rejection* rejection) {
  if (!event.Has(Field::kAdId)) {
    const bool is_conversion = event.kind == EventKind::kConversion;
    if (is_conversion && event.Has(Field::kClickId)) return true;
    return Reject(rejection, RejectReason::kNoAd, Rejection::kWholeLine,
                  is_conversion ? "neither an ad_id nor a click_id" : "no ad_id");
  }
  if (chunk.Get(event, Field::kAdId) != kReservedAd) return true;
  return Reject(rejection, RejectReason::kReservedAd, Rejection::kWholeLine,
                "the ad_id popular_ads is reserved");
}

}  // namespace tallymark
