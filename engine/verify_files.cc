#include "engine/verify_files.h"

#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>

#include <filesystem>

namespace tallymark {
namespace {

rocksdb::Options OptionsOf(const Storage& storage, const std::string& family_name) {
  for (int i = 0; i < kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    if (FamilyName(family) == family_name) return storage.OptionsFor(family);
  }
  return {};
}

}  // namespace

void CheckFiles(const InspectedDirectory& directory, VerifyFindings* findings) {
  std::vector<rocksdb::LiveFileMetaData> files;
  directory.storage->db()->GetLiveFilesMetaData(&files);
  uint64_t bytes = 0;
  uint64_t done = 0;
  for (const auto& file : files) bytes += file.size;
  rocksdb::ReadOptions read;
  read.readahead_size = 2 << 20;
  for (const auto& file : files) {
    const std::string path = file.db_path + file.name;
    rocksdb::SstFileReader reader(OptionsOf(*directory.storage, file.column_family_name));
    rocksdb::Status status = reader.Open(path);
    if (status.ok()) status = reader.VerifyChecksum(read);
    if (!status.ok() && !(directory.live && !std::filesystem::exists(path)))
      findings->Damage(FromRocks(status, path + " (" + file.column_family_name + ")").message());
    done += file.size;
    findings->Progress(static_cast<double>(done) / static_cast<double>(bytes + 1));
  }
}

}  // namespace tallymark
