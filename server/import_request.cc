#include "server/import_request.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "format/event_utf8.h"
#include "format/import_record.h"
#include "format/time_text.h"
#include "server/json_text.h"

namespace tallymark {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 7> kNames = {"name",     "kind", "map",      "set",
                                                    "identity", "time", "delimiter"};

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

Status CheckName(std::string_view name) {
  if (name.empty()) return Status::Invalid("name: a file needs a name to be loaded under");
  if (name.size() > kImportNameBytesMax) return Status::Invalid("name: at most 255 bytes");
  auto is_control = [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; };
  if (!IsUtf8(name) || std::any_of(name.begin(), name.end(), is_control)) {
    return Status::Invalid("name: UTF-8 without control characters");
  }
  return Status::Ok();
}

Status SetDelimiter(std::string_view text, char* delimiter) {
  if (text == "tab" || text == "\\t") {
    *delimiter = '\t';
  } else if (text.size() == 1 && text != "\"" && text != "\n" && text != "\r") {
    *delimiter = text.front();
  } else {
    return Status::Invalid("delimiter: one character or tab");
  }
  return Status::Ok();
}

Status SetOne(std::string_view name, std::string_view value, ImportRequest* request) {
  MappingOptions& mapping = request->mapping;
  if (!IsUtf8(value)) return Status::Invalid(std::string(name) + ": not UTF-8");
  if (name == "name") {
    request->name = value;
  } else if (name == "kind") {
    mapping.kind = value;
  } else if (name == "map") {
    mapping.maps.emplace_back(value);
  } else if (name == "set") {
    mapping.constants.emplace_back(value);
  } else if (name == "identity") {
    if (value != "row") return Status::Invalid("identity: row is the only one that can be asked for");
    mapping.identity_by_row = true;
  } else if (name == "time") {
    auto unit = ParseEpochUnit(value);
    if (!unit) return Status::Invalid("time: the unit of epoch numbers, one of auto, s, ms, us, ns");
    mapping.time_unit = *unit;
    request->time = value;
  } else {
    return SetDelimiter(value, &request->delimiter);
  }
  return Status::Ok();
}

// What can be told without the file. RowMapping::Build tells the rest.
Status Complete(ImportRequest* request) {
  const std::string& kind = request->mapping.kind;
  if (Status s = CheckName(request->name); !s.ok()) return s;
  if (!kind.empty() && kind != "impression" && kind != "click" && kind != "conversion") {
    return Status::Invalid("kind: one of impression, click, conversion; not " + Quoted(kind));
  }
  for (const std::string& constant : request->mapping.constants) {
    size_t sign = constant.find('=');
    if (sign == 0 || sign == std::string::npos || sign + 1 == constant.size()) {
      return Status::Invalid("set: " + Quoted(constant) + " is not name=value");
    }
    if (constant.substr(0, sign) == "time" &&
        !ParseFileTime(std::string_view(constant).substr(sign + 1), request->mapping.time_unit)) {
      return Status::Invalid("set: " + Quoted(constant.substr(sign + 1)) + " is not a time");
    }
  }
  request->mapping.name = request->name;
  return Status::Ok();
}

std::string TextOf(const json::value& value) {
  return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

bool IsPlain(const json::value& value) { return value.is_string() || value.is_number() || value.is_bool(); }

// A column's own name, or a template where there are braces.
std::string MapEntry(std::string_view ours, const std::string& theirs) {
  const char sign = theirs.find('{') == std::string::npos ? ':' : '=';
  return std::string(ours) + sign + theirs;
}

Status SetMany(std::string_view name, const json::value& value, ImportRequest* request) {
  if (value.is_string()) return SetOne(name, TextOf(value), request);
  if (value.is_array()) {
    for (const json::value& item : value.as_array()) {
      if (!item.is_string()) return Status::Invalid(std::string(name) + ": a list holds texts");
      if (Status s = SetOne(name, TextOf(item), request); !s.ok()) return s;
    }
    return Status::Ok();
  }
  if (!value.is_object()) {
    return Status::Invalid(std::string(name) + ": a text, a list of texts or an object");
  }
  for (const auto& [ours, theirs] : value.as_object()) {
    if (!IsPlain(theirs)) return Status::Invalid(std::string(name) + ": an object holds texts");
    std::string_view key(ours.data(), ours.size());
    std::string entry =
        name == "map" ? MapEntry(key, TextOf(theirs)) : std::string(key) + "=" + TextOf(theirs);
    if (Status s = SetOne(name, entry, request); !s.ok()) return s;
  }
  return Status::Ok();
}

void AppendList(std::string_view name, std::vector<std::string> texts, JsonText* json) {
  json->Raw(name).Raw("[");
  for (size_t i = 0; i < texts.size(); ++i) json->Raw(i == 0 ? "" : ",").Quoted(texts[i]);
  json->Raw("]");
}

}  // namespace

Result<ImportRequest> ReadImportParams(const std::vector<QueryParam>& params) {
  ImportRequest request;
  for (size_t i = 0; i < params.size(); ++i) {
    const QueryParam& param = params[i];
    if (std::find(kNames.begin(), kNames.end(), param.name) == kNames.end()) {
      return Status::Invalid("unknown parameter " + Quoted(param.name));
    }
    const bool twice = std::any_of(params.begin(), params.begin() + static_cast<std::ptrdiff_t>(i),
                                   [&](const QueryParam& p) { return p.name == param.name; });
    if (twice && param.name != "map" && param.name != "set") {
      return Status::Invalid("parameter " + Quoted(param.name) + " is given twice");
    }
    if (Status s = SetOne(param.name, param.value, &request); !s.ok()) return s;
  }
  if (Status s = Complete(&request); !s.ok()) return s;
  return request;
}

Result<ImportRequest> ReadImportJson(std::string_view text, std::string_view name) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return Status::Invalid("not JSON: " + error.message());
  if (!value.is_object()) return Status::Invalid("not a JSON object");
  ImportRequest request;
  request.name = name;
  for (const auto& [key_text, member] : value.as_object()) {
    std::string_view key(key_text.data(), key_text.size());
    if (std::find(kNames.begin(), kNames.end(), key) == kNames.end()) {
      return Status::Invalid("unknown member " + Quoted(key));
    }
    const bool many = key == "map" || key == "set";
    if (!many && !member.is_string()) return Status::Invalid(std::string(key) + ": a text");
    Status set = many ? SetMany(key, member, &request) : SetOne(key, TextOf(member), &request);
    if (!set.ok()) return set;
  }
  if (Status s = Complete(&request); !s.ok()) return s;
  return request;
}

std::string ImportOptionsJson(const ImportRequest& request) {
  JsonText json;
  json.Raw(R"({"kind":)").Quoted(request.mapping.kind);
  AppendList(R"(,"map":)", request.mapping.maps, &json);
  AppendList(R"(,"set":)", request.mapping.constants, &json);
  if (request.mapping.identity_by_row) json.Raw(R"(,"identity":"row")");
  json.Raw(R"(,"time":)").Quoted(request.time);
  if (request.delimiter != 0) {
    json.Raw(R"(,"delimiter":)").Quoted(std::string_view(&request.delimiter, 1));
  }
  return json.Raw("}").Take();
}

}  // namespace tallymark
