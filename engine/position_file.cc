#include "engine/position_file.h"

namespace tallymark {

Result<IngestFile> WritePositionFile(Storage* storage,
                                     const std::vector<std::pair<std::string_view, std::string>>& sorted) {
  IngestFile file{Family::kPositions, storage->ScratchPath("positions")};
  const auto writer = storage->NewFileWriter(Family::kPositions);
  rocksdb::Status status = writer->Open(file.path);
  for (const auto& [name, value] : sorted) {
    if (status.ok()) status = writer->Put(ToSlice(name), value);
  }
  if (status.ok()) status = writer->Finish();
  if (!status.ok()) return FromRocks(status, "write positions");
  return file;
}

}  // namespace tallymark
