// Every record that decodes encodes to something that decodes to the same record. The checksum is
// made right first: the structure behind it is what is to be tried.

#include <cstdlib>
#include <string>

#include "format/checksum.h"
#include "format/coding.h"
#include "format/import_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  tallymark::PutFixed(&bytes, tallymark::Checksum32(bytes));
  auto record = tallymark::DecodeImportRecord(bytes);
  if (!record.ok()) return 0;
  auto encoded = tallymark::EncodeImportRecord(*record);
  if (!encoded.ok()) std::abort();
  auto again = tallymark::DecodeImportRecord(*encoded);
  if (!again.ok() || !(*again == *record)) std::abort();
  return 0;
}
