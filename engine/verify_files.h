#ifndef TALLYMARK_ENGINE_VERIFY_FILES_H_
#define TALLYMARK_ENGINE_VERIFY_FILES_H_

#include "engine/verify_findings.h"

namespace tallymark {

// Reads every block of every RocksDB table file and compares its checksum. Files that a live owner
// has removed since the directory was opened are passed over.
void CheckFiles(const InspectedDirectory& directory, VerifyFindings* findings);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_VERIFY_FILES_H_
