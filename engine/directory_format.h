#ifndef TALLYMARK_ENGINE_DIRECTORY_FORMAT_H_
#define TALLYMARK_ENGINE_DIRECTORY_FORMAT_H_

#include <string>

#include "format/status.h"

namespace tallymark {

// The file FORMAT of a data directory: its format version, outside of RocksDB, since a program must
// know it before RocksDB opens the directory and begins to compact. Its first line is
// "tallymark N"; what later lines say is left to later versions.

// The version; 0 when there is no such file, which is so in a directory of version 1 and in a new
// one. kCorruption when it is not as written, kIo when it cannot be read.
Result<int> ReadFormatFile(const std::string& data_dir);

// Durable when it returns ok; a crash leaves the former file or the new one, never a part. The
// directory must exist.
Status WriteFormatFile(const std::string& data_dir, int version);

// kInvalid, with what to do, when the version is greater than this program's.
Status CheckFormatVersion(const std::string& data_dir, int version);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_DIRECTORY_FORMAT_H_
