#ifndef TALLYMARK_ENGINE_POSITION_FILE_H_
#define TALLYMARK_ENGINE_POSITION_FILE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/storage.h"

namespace tallymark {

// Writes values of `positions`, names ascending, as a sorted file: they go in with the files they
// speak of.
Result<IngestFile> WritePositionFile(Storage* storage,
                                     const std::vector<std::pair<std::string_view, std::string>>& sorted);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_POSITION_FILE_H_
