// Every key that decodes is the key that its fields encode to.

#include <cstdlib>

#include "format/keys.h"

namespace {

template <class Key>
void Check(std::string_view bytes) {
  Key key;
  if (Key::Decode(bytes, &key) && key.Encode() != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Check<tallymark::RawKey>(bytes);
  Check<tallymark::HourKey>(bytes);
  Check<tallymark::CounterKey>(bytes);
  Check<tallymark::DistinctKey>(bytes);
  Check<tallymark::IdentityKey>(bytes);
  Check<tallymark::AdKey>(bytes);
  Check<tallymark::JobKey>(bytes);
  Check<tallymark::FilterKey>(bytes);
  Check<tallymark::TopKey>(bytes);
  return 0;
}
