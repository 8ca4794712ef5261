#ifndef TALLYMARK_SERVER_IMPORT_TASK_H_
#define TALLYMARK_SERVER_IMPORT_TASK_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "format/status.h"
#include "server/import_request.h"

namespace tallymark {

// An import as its job's parameters keep it, over restarts.
struct ImportTask {
  ImportRequest request;
  std::string options;  // ImportOptionsJson of the request
  std::string body;     // name of the spooled file
  std::string hash;     // SHA-256 of the content, 32 bytes
  uint64_t size = 0;    // of the content, bytes
};

std::string ImportTaskJson(const ImportTask& task);

// kCorruption: not what ImportTaskJson wrote.
Result<ImportTask> ReadImportTask(std::string_view json);

// Two hex digits a byte.
std::string HexOf(std::string_view bytes);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_IMPORT_TASK_H_
