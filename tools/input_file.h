#ifndef TALLYMARK_TOOLS_INPUT_FILE_H_
#define TALLYMARK_TOOLS_INPUT_FILE_H_

#include <string>
#include <string_view>

#include "format/status.h"

namespace tallymark {

// The bytes of a file, mapped and read only, or of stdin (read whole) for an empty path or "-".
// The bytes live as long as the object; movable. The file must not shrink meanwhile.
class InputFile {
 public:
  // kNotFound: no such file. kIo: it cannot be read.
  static Result<InputFile> Open(const std::string& path);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  std::string_view bytes() const { return map_ != nullptr ? std::string_view(map_, map_size_) : read_; }

 private:
  InputFile() = default;
  Status Map(const std::string& path);
  Status ReadAll(int fd, const std::string& name);

  const char* map_ = nullptr;
  size_t map_size_ = 0;
  std::string read_;
};

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_INPUT_FILE_H_
