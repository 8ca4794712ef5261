// Arbitrary bytes as either ad record, with the checksum put right: reading never harms, and what
// decodes is the same after another round trip.

#include <cstdlib>

#include "format/ad_record.h"
#include "format/checksum.h"
#include "format/coding.h"

namespace tallymark {
namespace {

void Check(std::string bytes) {
  if (bytes.size() < sizeof(uint32_t)) return;
  bytes.resize(bytes.size() - sizeof(uint32_t));
  PutFixed(&bytes, Checksum32(bytes));
  LearnedAd learned;
  LearnedAd learned_again;
  if (DecodeLearnedAd(bytes, &learned).ok()) {
    const bool read = DecodeLearnedAd(EncodeLearnedAd(learned), &learned_again).ok();
    if (!read || learned_again != learned) std::abort();
  }
  AdSettings settings;
  AdSettings settings_again;
  if (DecodeAdSettings(bytes, &settings).ok()) {
    const bool read = DecodeAdSettings(EncodeAdSettings(settings), &settings_again).ok();
    if (!read || settings_again != settings) std::abort();
  }
}

}  // namespace
}  // namespace tallymark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tallymark::Check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
