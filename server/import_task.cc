#include "server/import_task.h"

#include <boost/algorithm/hex.hpp>
#include <boost/json.hpp>
#include <iterator>

#include "format/import_record.h"
#include "server/json_text.h"

namespace tallymark {
namespace {

namespace json = boost::json;

Status Damaged(const std::string& what) { return Status::Corruption("parameters of an import: " + what); }

}  // namespace

std::string HexOf(std::string_view bytes) {
  std::string hex;
  boost::algorithm::hex_lower(bytes.begin(), bytes.end(), std::back_inserter(hex));
  return hex;
}

std::string ImportTaskJson(const ImportTask& task) {
  JsonText text(512);
  text.Raw(R"({"name":)").Quoted(task.request.name);
  text.Raw(R"(,"options":)").Quoted(task.options);
  text.Raw(R"(,"body":)").Quoted(task.body);
  text.Raw(R"(,"hash":)").Quoted(HexOf(task.hash));
  return text.Raw(R"(,"size":)").Number(task.size).Raw("}").Take();
}

Result<ImportTask> ReadImportTask(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return Damaged("not a JSON object");
  const json::object& object = value.as_object();
  auto member = [&object](const char* name) {
    const json::value* found = object.if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
  };
  ImportTask task;
  task.options = member("options");
  auto request = ReadImportJson(task.options, member("name"));
  if (!request.ok()) return Damaged(request.status().message());
  task.request = std::move(*request);
  task.body = member("body");
  try {
    boost::algorithm::unhex(member("hash"), std::back_inserter(task.hash));
  } catch (const boost::algorithm::hex_decode_error&) {
    return Damaged("a hash that is none");
  }
  const json::value* size = object.if_contains("size");
  const bool whole = size != nullptr && size->is_number() && !task.body.empty() &&
                     task.body.find('/') == std::string::npos && task.hash.size() == kContentHashBytes;
  if (!whole) return Damaged("incomplete");
  task.size = size->to_number<uint64_t>(error);
  return error ? Damaged("a size that is none") : Result<ImportTask>(std::move(task));
}

}  // namespace tallymark
