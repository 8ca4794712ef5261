#ifndef TALLYMARK_ENGINE_SYNC_FOLDER_H_
#define TALLYMARK_ENGINE_SYNC_FOLDER_H_

#include <string>

#include "format/status.h"

namespace tallymark {

// Puts a folder's entries on the disk: a file that was made or renamed there is found after a power
// failure. kIo with the path. Thread safe.
Status SyncFolder(const std::string& folder);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_SYNC_FOLDER_H_
