#ifndef TALLYMARK_ENGINE_VERIFY_RECORDS_H_
#define TALLYMARK_ENGINE_VERIFY_RECORDS_H_

#include "engine/inspect_directory.h"
#include "engine/verify_findings.h"

namespace tallymark {

// Reads every waiting conversion and catalogue record, and, where all raw records are kept, learns the
// ads' owners from them again and compares.
void CheckRecords(const InspectedDirectory& directory, VerifyFindings* findings);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_VERIFY_RECORDS_H_
