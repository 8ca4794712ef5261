// What EngineImpl knows of imported files.

#include "engine/engine_impl.h"
#include "engine/import_ledger.h"

namespace tallymark {

Result<std::optional<ImportRecord>> EngineImpl::FindImport(std::string_view name) const {
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  return ImportLedger(&(*core)->storage()).Find(name);
}

Result<std::optional<std::string>> EngineImpl::FindImportContent(std::string_view content_hash) const {
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  return ImportLedger(&(*core)->storage()).FindContent(content_hash);
}

Status EngineImpl::PutImport(std::string_view name, const ImportRecord& record, bool durable) {
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  return ImportLedger(&(*core)->storage()).Put(name, record, durable);
}

Result<std::vector<std::pair<std::string, ImportRecord>>> EngineImpl::Imports(std::string_view after,
                                                                              size_t limit) const {
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  return ImportLedger(&(*core)->storage()).List(after, limit);
}

}  // namespace tallymark
