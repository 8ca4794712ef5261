#ifndef TALLYMARK_SERVER_IMPORT_REQUEST_H_
#define TALLYMARK_SERVER_IMPORT_REQUEST_H_

#include <string>
#include <string_view>
#include <vector>

#include "format/row_mapping.h"
#include "format/status.h"
#include "server/request_target.h"

namespace tallymark {

// What a file is called and how its rows become events (SPEC section 8), read from the parameters of
// a request or from a mapping file. Every failure is kInvalid and names the parameter.
struct ImportRequest {
  std::string name;
  MappingOptions mapping;  // with the name
  std::string time = "auto";
  char delimiter = 0;  // 0: by the name's extension, else by the header
};

// name (required), kind, map (may be repeated), set (may be repeated), identity=row, time, delimiter.
Result<ImportRequest> ReadImportParams(const std::vector<QueryParam>& params);

// The same names in a JSON object. `map` and `set` may be a text, a list of texts or an object of
// {"ours": "column"} ({"ours": "template {column}"} for map), {"ours": value}. A name in it wins over `name`.
Result<ImportRequest> ReadImportJson(std::string_view json, std::string_view name);

// Everything but the name, in one fixed form: equal texts are equal mappings. ReadImportJson reads it.
std::string ImportOptionsJson(const ImportRequest& request);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_IMPORT_REQUEST_H_
