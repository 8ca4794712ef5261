// Arbitrary bytes as a filter's record: reading never harms, and what decodes comes back from the
// bytes it is written to. The checksum of the input is put right, so that the fields behind it are
// reached.

#include <cstdlib>
#include <cstring>

#include "format/checksum.h"
#include "format/filter_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  if (size >= sizeof(uint32_t)) {
    const uint32_t sum = tallymark::Checksum32(std::string_view(bytes).substr(0, size - sizeof sum));
    std::memcpy(bytes.data() + size - sizeof sum, &sum, sizeof sum);
  }
  tallymark::FilterRecord record;
  if (!tallymark::DecodeFilterRecord(bytes, &record).ok()) return 0;
  tallymark::FilterRecord again;
  if (!tallymark::DecodeFilterRecord(tallymark::EncodeFilterRecord(record), &again).ok()) std::abort();
  if (!(again == record)) std::abort();
  return 0;
}
