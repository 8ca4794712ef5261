// Arbitrary bytes as a block index record: reading never harms, and what decodes is written again
// as it was, since a record has one form only.

#include <cstdlib>

#include "format/block_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  tallymark::BlockIndexEntry entry;
  if (tallymark::DecodeBlockIndex(bytes, &entry) && tallymark::EncodeBlockIndex(entry) != bytes) std::abort();
  return 0;
}
