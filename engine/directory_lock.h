#ifndef TALLYMARK_ENGINE_DIRECTORY_LOCK_H_
#define TALLYMARK_ENGINE_DIRECTORY_LOCK_H_

#include <string>

#include "format/status.h"

namespace tallymark {

// Whether a process (this one included) holds the directory's lock. Asks and does not take it.
Result<bool> IsDirectoryHeld(const std::string& data_dir);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_DIRECTORY_LOCK_H_
