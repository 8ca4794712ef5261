#ifndef TALLYMARK_ENGINE_POSITIONS_FILE_H_
#define TALLYMARK_ENGINE_POSITIONS_FILE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/storage.h"

namespace tallymark {

// Positions as a sorted file of their own, to be ingested with the files they speak of. `sorted` by
// name.
Result<IngestFile> WritePositions(Storage* storage,
                                  const std::vector<std::pair<std::string_view, std::string>>& sorted);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_POSITIONS_FILE_H_
