#include "format/event_chunk.h"

namespace tallymark {
namespace {

constexpr std::array<std::string_view, kFieldCount> kFieldNames = {
    "ad_id", "event_id", "user_id", "ip", "country", "campaign_id", "banner_id", "advertiser_id", "click_id"};

}  // namespace

std::string_view EventKindName(EventKind kind) {
  switch (kind) {
    case EventKind::kImpression:
      return "impression";
    case EventKind::kClick:
      return "click";
    case EventKind::kConversion:
      return "conversion";
  }
  return "unknown";
}

std::string_view FieldName(Field field) { return kFieldNames[static_cast<size_t>(field)]; }

}  // namespace tallymark
