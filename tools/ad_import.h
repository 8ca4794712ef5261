#ifndef TALLYMARK_TOOLS_AD_IMPORT_H_
#define TALLYMARK_TOOLS_AD_IMPORT_H_

#include <functional>
#include <string_view>

#include "format/import_report.h"
#include "format/row_mapping.h"
#include "tools/http_client.h"

namespace tallymark {

// Sets ads in a server's catalogue from a table, PUT /v1/ads/{ad_id} a row. The table is checked before the
// first is set. Setting an ad replaces what was set for it, so of two rows of one ad the last holds, and a
// table may be loaded as often as it changes.
class AdImport {
 public:
  using OnProgress = std::function<void(size_t position, const ImportReport& report)>;

  // Both must outlive the object.
  AdImport(std::string_view bytes, char delimiter, HttpClient* http)
      : bytes_(bytes), delimiter_(delimiter), http_(http) {}

  // kInvalid: the table is refused whole, with line, column and reason; nothing was set. Any other failure
  // ends it early; *report says how far it came: accepted were set, rejected lack their id or were refused.
  Status Run(const MappingOptions& options, const OnProgress& progress, ImportReport* report);

 private:
  Status CheckRows();
  Status Set(const std::string& ad_id, const std::string& json, size_t line, ImportReport* report);

  const std::string_view bytes_;
  const char delimiter_;
  HttpClient* const http_;
};

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_AD_IMPORT_H_
