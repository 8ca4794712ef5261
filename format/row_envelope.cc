#include "format/row_envelope.h"

#include <algorithm>

#include "format/coding.h"

namespace tallymark {
namespace {

constexpr char kHead = '\xF1';  // no row begins with it

}  // namespace

void AppendRowEnvelope(std::string_view good, std::vector<std::string_view>* bad, std::string* out) {
  std::ranges::sort(*bad);
  out->push_back(kHead);
  PutLengthPrefixed(out, good);
  for (std::string_view piece : *bad) PutLengthPrefixed(out, piece);
}

bool ReadRowEnvelope(std::string_view bytes, std::string_view* good, std::vector<std::string_view>* bad) {
  if (bytes.empty() || bytes[0] != kHead) return false;
  bytes.remove_prefix(1);
  if (!GetLengthPrefixed(&bytes, good) || bytes.empty()) return false;
  bad->clear();
  while (!bytes.empty()) {
    std::string_view piece;
    if (!GetLengthPrefixed(&bytes, &piece)) return false;
    bad->push_back(piece);
  }
  return true;
}

Status NotARow(std::string_view kind, std::string_view bytes) {
  std::string_view good;
  std::vector<std::string_view> bad;
  std::string what(kind);
  if (ReadRowEnvelope(bytes, &good, &bad)) {
    return Status::Corruption(what + ": " + std::to_string(bad.size()) +
                              " malformed operands were set aside");
  }
  return Status::Corruption(what + ": malformed, " + std::to_string(bytes.size()) + " bytes");
}

}  // namespace tallymark
