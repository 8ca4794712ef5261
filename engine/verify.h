#ifndef TALLYMARK_ENGINE_VERIFY_H_
#define TALLYMARK_ENGINE_VERIFY_H_

#include <functional>

#include "engine/inspect.h"
#include "engine/inspect_directory.h"

namespace tallymark {

// What Inspector::Verify does, step by step: files, raw, counters and top lists, identities. What
// is wrong goes into the report; reading goes on wherever it can.
VerifyReport VerifyDirectory(const InspectedDirectory& directory,
                             const std::function<void(double)>& progress);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_VERIFY_H_
