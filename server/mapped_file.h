#ifndef TALLYMARK_SERVER_MAPPED_FILE_H_
#define TALLYMARK_SERVER_MAPPED_FILE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "format/status.h"

namespace tallymark {

// A file that nobody else changes, mapped and read from front to back. The bytes live as long as the
// object. One thread.
class MappedFile {
 public:
  // kNotFound: no such file. kIo: it cannot be read.
  static Result<std::unique_ptr<MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {data_, size_}; }

  // What lies before is not needed soon: its memory is given back. It may still be read.
  void Release(size_t before);

 private:
  MappedFile(char* data, size_t size) : data_(data), size_(size) {}

  char* const data_;
  const size_t size_;
  size_t released_ = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_MAPPED_FILE_H_
