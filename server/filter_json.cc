#include "server/filter_json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <string>
#include <vector>

#include "server/job_handlers.h"

namespace tallymark {
namespace {

namespace json = boost::json;

constexpr std::string_view kFilterId = "filter_id";

// Takes the events of a JSON parser, which a tree would rob of the texts of numbers and of names
// that come twice. The first thing that is wrong ends the parsing and stays in `status`. The names
// of the functions are the parser's.
// NOLINTBEGIN(readability-identifier-naming)
struct FilterHandler {
  static constexpr std::size_t max_object_size = kFilterPatternsMax + 2;
  static constexpr std::size_t max_array_size = kFilterTermsMax + 1;
  static constexpr std::size_t max_key_size = 4096;
  static constexpr std::size_t max_string_size = 64 * 1024;
  using Error = json::error_code;

  explicit FilterHandler(uint32_t filter_id) : id(filter_id) {}

  bool on_document_begin(Error& /*error*/) { return true; }
  bool on_document_end(Error& /*error*/) { return true; }
  bool on_object_begin(Error& error) {
    if (inside) return Fail(WrongType(), error);
    inside = true;
    return true;
  }
  bool on_object_end(std::size_t /*size*/, Error& /*error*/) { return true; }
  bool on_array_begin(Error& error) {
    if (!inside || in_list) return Fail(WrongType(), error);
    in_list = true;
    return true;
  }
  bool on_array_end(std::size_t /*size*/, Error& error) {
    in_list = false;
    return Add(true, error);
  }
  bool on_key_part(json::string_view part, std::size_t /*size*/, Error& /*error*/) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t size, Error& error) {
    on_key_part(part, size, error);
    name = std::move(text);
    text.clear();
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t /*size*/, Error& /*error*/) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, std::size_t size, Error& error) {
    return on_string_part(part, size, error) && Value(error);
  }
  bool on_number_part(json::string_view part, Error& /*error*/) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_int64(int64_t /*value*/, json::string_view part, Error& error) {
    return on_number_part(part, error) && Value(error);
  }
  bool on_uint64(uint64_t /*value*/, json::string_view part, Error& error) {
    return on_number_part(part, error) && Value(error);
  }
  bool on_double(double /*value*/, json::string_view part, Error& error) {
    return on_number_part(part, error) && Value(error);
  }
  bool on_bool(bool /*value*/, Error& error) { return Fail(WrongType(), error); }
  bool on_null(Error& error) { return Fail(WrongType(), error); }
  bool on_comment_part(json::string_view /*part*/, Error& /*error*/) { return true; }
  bool on_comment(json::string_view /*part*/, Error& /*error*/) { return true; }

  Status WrongType() const {
    if (!inside) return Status::Invalid("the body is a JSON object: {\"country\":\"USA\"}");
    return Status::Invalid(name + ": a pattern is a string, a number or a list of them");
  }
  bool Fail(Status why, Error& error) {
    status = std::move(why);
    error = json::error::exception;
    return false;
  }
  bool Value(Error& error) {
    if (!inside) return Fail(WrongType(), error);
    values.push_back(std::move(text));
    text.clear();
    return in_list || Add(false, error);
  }
  bool Add(bool is_list, Error& error) {
    Status added;
    if (name == kFilterId) {
      const std::optional<uint64_t> number = is_list ? std::nullopt : ReadNumber(values.front(), UINT32_MAX);
      if (!number || *number != id) added = Status::Invalid("filter_id: is not the number in the path");
    } else {
      added = AddPattern(name, values, is_list, &definition);
    }
    values.clear();
    return added.ok() || Fail(std::move(added), error);
  }

  const uint32_t id;
  bool inside = false;
  bool in_list = false;
  std::string name;
  std::string text;
  std::vector<std::string> values;
  FilterDefinition definition;
  Status status;
};
// NOLINTEND(readability-identifier-naming)

}  // namespace

Result<FilterDefinition> ReadFilterJson(std::string_view body, uint32_t id) {
  json::basic_parser<FilterHandler> parser(json::parse_options(), id);
  json::error_code error;
  const std::size_t read = parser.write_some(false, body.data(), body.size(), error);
  if (!parser.handler().status.ok()) return parser.handler().status;
  if (error)
    return Status::Invalid("the body is not JSON (byte " + std::to_string(read) + "): " + error.message());
  if (body.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
    return Status::Invalid("the body goes on behind its JSON object");
  return std::move(parser.handler().definition);
}

void AppendDefinition(uint32_t id, const FilterDefinition& definition, JsonText* json) {
  json->Raw(R"({"filter_id":)").Number(id);
  for (const AttributePattern& pattern : definition.patterns) {
    json->Raw(",").Quoted(pattern.attribute).Raw(":");
    if (pattern.terms.empty()) {
      json->Raw(R"("*")");
    } else if (pattern.terms.size() == 1) {
      json->Quoted((pattern.negated ? "!" : "") + TermText(pattern.terms.front()));
    } else {
      for (size_t i = 0; i < pattern.terms.size(); ++i)
        json->Raw(i == 0 ? "[" : ",").Quoted(TermText(pattern.terms[i]));
      json->Raw("]");
    }
  }
  json->Raw("}");
}

}  // namespace tallymark
