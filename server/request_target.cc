#include "server/request_target.h"

#include "format/text_encoding.h"

namespace tallymark {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool PercentDecode(std::string_view text, std::string* out) {
  if (text.find('%') == std::string_view::npos) {
    out->assign(text);
    return true;
  }
  out->clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return false;
    int high = HexValue(text[i + 1]);
    int low = HexValue(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out->push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

// The text up to the separator, which is taken off the front of *rest with it.
std::string_view TakeUntil(char separator, std::string_view* rest) {
  size_t at = rest->find(separator);
  std::string_view part = rest->substr(0, at);
  *rest = at == std::string_view::npos ? std::string_view() : rest->substr(at + 1);
  return part;
}

Status ParseQuery(std::string_view query, std::vector<QueryParam>* params) {
  while (!query.empty()) {
    std::string_view pair = TakeUntil('&', &query);
    if (pair.empty()) continue;
    if (params->size() == kMaxQueryParams) {
      return Status::Invalid("more than " + std::to_string(kMaxQueryParams) + " query parameters");
    }
    QueryParam& param = params->emplace_back();
    std::string_view name = TakeUntil('=', &pair);
    if (!PercentDecode(name, &param.name) || !PercentDecode(pair, &param.value)) {
      return Status::Invalid("the query has a '%' that two hex digits do not follow");
    }
  }
  return Status::Ok();
}

// The scheme and authority of an absolute target say nothing that one server could act on.
std::string_view WithoutAuthority(std::string_view target) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    size_t path = target.find_first_of("/?", scheme.size());
    return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  return target;
}

// A name for an error message, cut to a line's length at the start of a character.
std::string Quoted(const std::string& name) {
  constexpr size_t kShown = 64;
  if (!IsUtf8(name)) return "with bytes that are not UTF-8";
  std::string quoted(1, '\'');
  if (name.size() <= kShown) return quoted.append(name).append("'");
  size_t end = kShown;
  while ((static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return quoted.append(name, 0, end).append("...'");
}

}  // namespace

Status ParseRequestTarget(std::string_view target, RequestTarget* out) {
  out->segments.clear();
  out->params.clear();
  std::string_view query = WithoutAuthority(target);
  if (query.find('#') != std::string_view::npos) return Status::Invalid("the target has a fragment ('#')");
  std::string_view path = TakeUntil('?', &query);
  if (!path.starts_with('/')) return Status::Invalid("the path does not begin with '/'");
  bool more = true;
  path.remove_prefix(1);
  while (more) {
    more = path.find('/') != std::string_view::npos;
    if (out->segments.size() == kMaxPathSegments) {
      return Status::Invalid("the path has more than " + std::to_string(kMaxPathSegments) + " segments");
    }
    if (!PercentDecode(TakeUntil('/', &path), &out->segments.emplace_back())) {
      return Status::Invalid("the path has a '%' that two hex digits do not follow");
    }
  }
  return ParseQuery(query, &out->params);
}

const std::string* QueryParams::Find(std::string_view name) const {
  for (const QueryParam& param : params_) {
    if (param.name == name) return &param.value;
  }
  return nullptr;
}

Status QueryParams::Unknown(const std::string& name) {
  return Status::Invalid("unknown parameter " + Quoted(name));
}

Status QueryParams::Twice(const std::string& name) {
  return Status::Invalid("parameter " + Quoted(name) + " is given twice");
}

}  // namespace tallymark
