#ifndef TALLYMARK_ENGINE_IMPORT_LEDGER_H_
#define TALLYMARK_ENGINE_IMPORT_LEDGER_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/storage.h"
#include "format/import_record.h"

namespace tallymark {

// The column family `imports`: which named files were loaded, or begun. Thread safe, but for two
// writers of one name.
class ImportLedger {
 public:
  explicit ImportLedger(Storage* storage) : storage_(storage) {}

  // Empty: no such name.
  Result<std::optional<ImportRecord>> Find(std::string_view name) const;

  // The name under which this content was begun first. Empty: none.
  Result<std::optional<std::string>> FindContent(std::string_view content_hash) const;

  // Keeps the record and what its content leads to, in one step. `durable`: it is when this returns;
  // else no later than the next thing that is made durable.
  Status Put(std::string_view name, const ImportRecord& record, bool durable);

  // Names after `after` (empty: from the first) in bytewise order, at most `limit`.
  Result<std::vector<std::pair<std::string, ImportRecord>>> List(std::string_view after, size_t limit) const;

 private:
  Storage* const storage_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_IMPORT_LEDGER_H_
