#ifndef TALLYMARK_TOOLS_DEAD_LETTER_FILES_H_
#define TALLYMARK_TOOLS_DEAD_LETTER_FILES_H_

#include <cstdint>
#include <functional>
#include <string>

#include "format/dead_letter.h"
#include "format/status.h"

namespace tallymark {

// Calls `emit` for every dead letter of a data directory, oldest first, until it returns false. A
// directory without any is no error. Records that do not decode (a crash can leave one at an end)
// are passed over and counted in *damaged. The server may be running. kIo with the path.
Status ForEachDeadLetter(const std::string& data_dir, const std::function<bool(const DeadLetter&)>& emit,
                         uint64_t* damaged);

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_DEAD_LETTER_FILES_H_
