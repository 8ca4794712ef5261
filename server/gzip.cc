#include "server/gzip.h"

#include <zlib.h>

#include <algorithm>

namespace tallymark {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;
constexpr size_t kFirstBytes = 64 << 10;

// zlib's stream, ended with its scope.
class Inflater {
 public:
  Inflater() : ready_(inflateInit2(&stream_, kGzipOnly) == Z_OK) {}
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ready() const { return ready_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

// Makes room for more output: doubles, up to the bound.
Status Grow(size_t bytes_max, BudgetHold* hold, std::string* out) {
  if (out->size() == bytes_max) {
    return Status::Exhausted("the unpacked body is larger than " + std::to_string(bytes_max) + " bytes");
  }
  size_t size = std::min(bytes_max, std::max(kFirstBytes, out->size() * 2));
  if (!hold->GrowTo(size)) return Status::Unavailable("too many request bodies at this moment");
  out->resize(size);
  return Status::Ok();
}

}  // namespace

Status Gunzip(std::string_view packed, size_t bytes_max, BudgetHold* hold, std::string* out) {
  Inflater inflater;
  if (!inflater.ready()) return Status::Unavailable("no memory to unpack the body");
  z_stream& stream = inflater.stream();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  size_t filled = 0;
  out->clear();
  bool in_member = true;
  while (in_member || stream.avail_in > 0) {
    if (!in_member && inflateReset(&stream) != Z_OK) return Status::Invalid("the gzip data is damaged");
    if (filled == out->size()) {
      if (Status s = Grow(bytes_max, hold, out); !s.ok()) return s;
    }
    stream.next_out = reinterpret_cast<Bytef*>(out->data() + filled);
    stream.avail_out = static_cast<uInt>(out->size() - filled);
    int outcome = inflate(&stream, Z_NO_FLUSH);
    filled = out->size() - stream.avail_out;
    if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR) {
      return Status::Invalid("the body is not gzip data, or it is damaged");
    }
    in_member = outcome != Z_STREAM_END;
    if (in_member && stream.avail_in == 0 && stream.avail_out > 0) {
      return Status::Invalid("the gzip data ends too early");
    }
  }
  out->resize(filled);
  return Status::Ok();
}

}  // namespace tallymark
