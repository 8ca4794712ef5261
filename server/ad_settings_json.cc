#include "server/ad_settings_json.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "format/event_parser.h"
#include "format/text_encoding.h"
#include "server/json_text.h"

namespace tallymark {
namespace {

constexpr std::string_view kRedirectUrl = "redirect_url";
constexpr std::string_view kAdId = "ad_id";

Status Bad(std::string_view name, const std::string& why) {
  return Status::Invalid(std::string(name.substr(0, kMaxAttributeNameBytes)) + ": " + why);
}

// The text a value stands for; false for what is no text.
bool TextOf(const boost::json::value& value, std::string* text) {
  if (const auto* string = value.if_string()) {
    text->assign(string->data(), string->size());
  } else if (const auto* number = value.if_int64()) {
    *text = std::to_string(*number);
  } else if (const auto* large = value.if_uint64()) {
    *text = std::to_string(*large);
  } else if (const auto* truth = value.if_bool()) {
    *text = *truth ? "true" : "false";
  } else {
    return false;
  }
  return true;
}

Status CheckRedirectUrl(const std::string& url) {
  const bool web = url.starts_with("http://") || url.starts_with("https://");
  if (!web) return Bad(kRedirectUrl, "a URL that begins with http:// or https:// is expected");
  if (url.size() > kMaxRedirectUrlBytes)
    return Bad(kRedirectUrl, "at most " + std::to_string(kMaxRedirectUrlBytes) + " bytes are allowed");
  const bool plain = std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (!plain || url.find("://") + 3 == url.size())
    return Bad(kRedirectUrl, "a host and printable ASCII without blanks are expected");
  return Status::Ok();
}

std::optional<AdOwner> OwnerNamed(std::string_view name) {
  for (size_t i = 0; i < kAdOwnerCount; ++i) {
    if (FieldName(FieldOf(static_cast<AdOwner>(i))) == name) return static_cast<AdOwner>(i);
  }
  return std::nullopt;
}

Status SetMember(std::string_view name, std::string text, std::string_view ad_id, AdSettings* settings) {
  if (name == kAdId) {
    return text == ad_id ? Status::Ok() : Bad(kAdId, "it differs from the ad in the path");
  }
  if (name == kRedirectUrl) {
    settings->redirect_url = std::move(text);
    return CheckRedirectUrl(*settings->redirect_url);
  }
  if (std::optional<AdOwner> owner = OwnerNamed(name)) {
    if (text.empty() || text.size() > kMaxIdBytes) return Bad(name, "1 to 128 bytes are expected");
    settings->owners[static_cast<size_t>(*owner)] = std::move(text);
    return Status::Ok();
  }
  if (name.empty() || name.size() > kMaxAttributeNameBytes)
    return Bad(name, "a name has 1 to " + std::to_string(kMaxAttributeNameBytes) + " bytes");
  if (text.size() > kMaxAttributeValueBytes)
    return Bad(name, "at most " + std::to_string(kMaxAttributeValueBytes) + " bytes are allowed");
  settings->others.emplace_back(name, std::move(text));
  return Status::Ok();
}

void AppendMember(std::string_view name, const std::optional<std::string>& value, JsonText* json) {
  json->Raw(",").Quoted(name).Raw(":");
  if (value) {
    json->Quoted(*value);
  } else {
    json->Raw("null");
  }
}

}  // namespace

Result<AdSettings> ReadAdSettings(std::string_view json, std::string_view ad_id) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse({json.data(), json.size()}, error);
  if (error) return Status::Invalid("the body is not JSON: " + error.message());
  const boost::json::object* members = value.if_object();
  if (members == nullptr) return Status::Invalid("the body must be a JSON object");
  AdSettings settings;
  for (const auto& member : *members) {
    const std::string_view name(member.key().data(), member.key().size());
    if (member.value().is_null()) continue;
    std::string text;
    if (!TextOf(member.value(), &text)) return Bad(name, "a string, a whole number or a boolean is expected");
    Status set = SetMember(name, std::move(text), ad_id, &settings);
    if (!set.ok()) return set;
  }
  if (settings.others.size() > kMaxAttributes)
    return Status::Invalid("more than " + std::to_string(kMaxAttributes) + " other attributes");
  std::sort(settings.others.begin(), settings.others.end());
  return settings;
}

std::string AdSettingsJson(std::string_view ad_id, const AdSettings& settings) {
  JsonText json(256);
  json.Raw(R"({"ad_id":)").Quoted(ad_id);
  AppendMember(kRedirectUrl, settings.redirect_url, &json);
  for (size_t i = 0; i < kAdOwnerCount; ++i)
    AppendMember(FieldName(FieldOf(static_cast<AdOwner>(i))), settings.owners[i], &json);
  for (const auto& [name, text] : settings.others) AppendMember(name, text, &json);
  return json.Raw("}").Take();
}

}  // namespace tallymark
