#include "engine/directory_format.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "engine/file_names.h"
#include "engine/meta_keys.h"
#include "engine/sync_folder.h"

namespace tallymark {
namespace {

constexpr std::string_view kPrefix = "tallymark ";

Status SystemError(const std::string& what, const std::string& path) {
  return Status::Io(what + " " + path + ": " + std::strerror(errno));
}

// Opens, does one thing with the descriptor and closes it again.
template <class Use>
Status WithFile(const std::string& path, int flags, Use use) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (file < 0) return SystemError("cannot open", path);
  Status status = use(file) ? Status::Ok() : SystemError("cannot write", path);
  ::close(file);
  return status;
}

}  // namespace

Result<int> ReadFormatFile(const std::string& data_dir) {
  const std::string path = FormatPath(data_dir);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    if (error) return Status::Io("cannot read " + path + ": " + error.message());
    return 0;
  }
  std::ifstream in(path);
  std::string line;
  if (!in) return SystemError("cannot read", path);
  std::getline(in, line);
  int version = 0;
  const char* last = line.data() + line.size();
  const bool whole = in.good() && line.starts_with(kPrefix);  // eof here: the line has no end
  if (!whole) return Status::Corruption(path + " is unreadable");
  auto [end, bad] = std::from_chars(line.data() + kPrefix.size(), last, version);
  if (bad != std::errc() || end != last || version < 1) return Status::Corruption(path + " is unreadable");
  return version;
}

Status WriteFormatFile(const std::string& data_dir, int version) {
  const std::string path = FormatPath(data_dir);
  const std::string fresh = path + ".new";
  const std::string text = std::string(kPrefix) + std::to_string(version) + "\n";
  Status status = WithFile(fresh, O_WRONLY | O_CREAT | O_TRUNC, [&](int file) {
    return ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  });
  if (!status.ok()) return status;
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return SystemError("cannot rename", fresh);
  return SyncFolder(data_dir);
}

Status CheckFormatVersion(const std::string& data_dir, int version) {
  if (version <= kFormatVersion) return Status::Ok();
  return Status::Invalid(data_dir + " has format version " + std::to_string(version) +
                         "; this program reads up to " + std::to_string(kFormatVersion) +
                         ": use the newer program it was written with");
}

}  // namespace tallymark
