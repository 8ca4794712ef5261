// Arbitrary bytes as a waiting conversion, with its checksum put right: reading never harms, and what
// decodes is written again and read as the same.

#include <cstdlib>

#include "format/checksum.h"
#include "format/coding.h"
#include "format/waiting_conversion.h"

namespace tallymark {
namespace {

void Check(std::string bytes) {
  if (bytes.size() < sizeof(uint32_t)) return;
  bytes.resize(bytes.size() - sizeof(uint32_t));
  PutFixed(&bytes, Checksum32(bytes));
  EventChunk chunk;
  int64_t arrival_ns = 0;
  if (!DecodeWaitingConversion(bytes, &chunk, &arrival_ns).ok()) return;
  const std::string again = EncodeWaitingConversion(chunk, chunk.events.at(0), arrival_ns);
  EventChunk second;
  int64_t second_arrival_ns = 0;
  if (!DecodeWaitingConversion(again, &second, &second_arrival_ns).ok()) std::abort();
  const bool same = second.events.at(0).identity == chunk.events.at(0).identity &&
                    second.events.at(0).content_check == chunk.events.at(0).content_check &&
                    second_arrival_ns == arrival_ns;
  if (!same) std::abort();
}

}  // namespace
}  // namespace tallymark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tallymark::Check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
