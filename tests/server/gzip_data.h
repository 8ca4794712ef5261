#ifndef TALLYMARK_TESTS_SERVER_GZIP_DATA_H_
#define TALLYMARK_TESTS_SERVER_GZIP_DATA_H_

#include <zlib.h>

#include <cstdlib>
#include <string>

namespace tallymark {

// One gzip member that unpacks to `plain`.
inline std::string GzipOf(const std::string& plain) {
  z_stream stream = {};
  if (deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string packed(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_SERVER_GZIP_DATA_H_
