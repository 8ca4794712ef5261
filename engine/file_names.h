#ifndef TALLYMARK_ENGINE_FILE_NAMES_H_
#define TALLYMARK_ENGINE_FILE_NAMES_H_

#include <string>

namespace tallymark {

// Every name inside a data directory that the engine makes stands here. (The server adds the
// dead-letter folder, named in format/dead_letter.h.)

// The format version, to be read before anything else is touched (directory_format.h).
inline std::string FormatPath(const std::string& data_dir) { return data_dir + "/FORMAT"; }
// RocksDB's own folder.
inline std::string DatabasePath(const std::string& data_dir) { return data_dir + "/db"; }
// RocksDB's lock: held by the process that owns the directory.
inline std::string LockPath(const std::string& data_dir) { return DatabasePath(data_dir) + "/LOCK"; }
// Sorted files on their way into RocksDB; emptied when the engine opens.
inline std::string ScratchDirectory(const std::string& data_dir) { return data_dir + "/scratch"; }

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FILE_NAMES_H_
