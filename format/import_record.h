#ifndef TALLYMARK_FORMAT_IMPORT_RECORD_H_
#define TALLYMARK_FORMAT_IMPORT_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "format/import_report.h"
#include "format/status.h"

namespace tallymark {

inline constexpr size_t kImportNameBytesMax = 255;
inline constexpr size_t kContentHashBytes = 32;

// Stored: never renumber.
enum class ImportState : uint8_t {
  kLoading = 1,  // rows of it may be stored; not all are
  kLoaded = 2,   // every row was stored, found a duplicate or rejected
};

// What is known of a named file, from before its first row is stored: a value of the column family
// `imports`, see import_record.md.
struct ImportRecord {
  ImportState state = ImportState::kLoading;
  std::string content_hash;  // SHA-256 of the file, kContentHashBytes
  uint64_t size = 0;         // of the file, bytes
  int64_t began_ns = 0;
  int64_t ended_ns = 0;  // 0 while loading
  std::string options;   // how its rows become events; the server's own text
  ImportReport report;   // of the rows whose fate is known; all of them once loaded

  bool operator==(const ImportRecord&) const = default;
};

// kInternal, and nothing is to be stored: the hash has another size.
Result<std::string> EncodeImportRecord(const ImportRecord& record);
// Corruption says what is wrong.
Result<ImportRecord> DecodeImportRecord(std::string_view bytes);

// Keys of the family: records by name, names by the hash of the content.
std::string ImportNameKey(std::string_view name);
std::string ImportContentKey(std::string_view content_hash);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_IMPORT_RECORD_H_
