#include "engine/import_ledger.h"

#include <rocksdb/write_batch.h>

#include <memory>

namespace tallymark {

Result<std::optional<ImportRecord>> ImportLedger::Find(std::string_view name) const {
  Result<std::string> value = storage_->Get(Family::kImports, ImportNameKey(name));
  if (!value.ok() && value.status().code() == Code::kNotFound) return std::optional<ImportRecord>();
  if (!value.ok()) return value.status();
  Result<ImportRecord> record = DecodeImportRecord(*value);
  if (!record.ok()) return record.status().WithContext("import \"" + std::string(name) + "\"");
  return std::optional<ImportRecord>(std::move(*record));
}

Result<std::optional<std::string>> ImportLedger::FindContent(std::string_view content_hash) const {
  Result<std::string> name = storage_->Get(Family::kImports, ImportContentKey(content_hash));
  if (name.ok()) return std::optional<std::string>(std::move(*name));
  if (name.status().code() == Code::kNotFound) return std::optional<std::string>();
  return name.status();
}

Status ImportLedger::Put(std::string_view name, const ImportRecord& record, bool durable) {
  Result<std::string> value = EncodeImportRecord(record);
  if (!value.ok()) return value.status();
  rocksdb::ColumnFamilyHandle* family = storage_->handle(Family::kImports);
  rocksdb::WriteBatch batch;
  batch.Put(family, ImportNameKey(name), *value);
  batch.Put(family, ImportContentKey(record.content_hash), ToSlice(name));
  rocksdb::WriteOptions options;
  options.sync = durable;
  return FromRocks(storage_->db()->Write(options, &batch), "keep import \"" + std::string(name) + "\"");
}

Result<std::vector<std::pair<std::string, ImportRecord>>> ImportLedger::List(std::string_view after,
                                                                             size_t limit) const {
  std::vector<std::pair<std::string, ImportRecord>> records;
  const std::string prefix = ImportNameKey("");
  const std::string from = ImportNameKey(after);
  std::unique_ptr<rocksdb::Iterator> it(
      storage_->db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kImports)));
  for (it->Seek(from); it->Valid() && it->key().starts_with(prefix) && records.size() < limit; it->Next()) {
    std::string name = it->key().ToString().substr(prefix.size());
    if (!after.empty() && name == after) continue;
    Result<ImportRecord> record = DecodeImportRecord(ToView(it->value()));
    if (!record.ok()) return record.status().WithContext("import \"" + name + "\"");
    records.emplace_back(std::move(name), std::move(*record));
  }
  Status read = FromRocks(it->status(), "read the imports");
  if (!read.ok()) return read;
  return records;
}

}  // namespace tallymark
