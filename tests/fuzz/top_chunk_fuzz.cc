// Chunks from anywhere, as they come and under a checksum that fits: reading never harms, both
// readers agree, and whatever decodes reads the same once written again.

#include <cstdlib>

#include "format/checksum.h"
#include "format/coding.h"
#include "format/top_chunk.h"

namespace {

using namespace tallymark;  // NOLINT(google-build-using-namespace)

constexpr size_t kAds = 4'096;

void Require(bool ok) {
  if (!ok) std::abort();
}

void Check(const std::string& bytes) {
  std::vector<TopPair> pairs;
  Status decoded = DecodeTopChunk(bytes, &pairs);
  std::vector<int64_t> totals(kAds);
  Status added = AddTopChunk(bytes, totals);
  Require(decoded.ok() || (decoded.code() == Code::kCorruption && !added.ok()));
  if (!decoded.ok()) return;
  Require(added.ok() == (pairs.back().ad < kAds));
  if (added.ok()) {
    for (const TopPair& pair : pairs) Require(totals[pair.ad] == pair.amount);
  }
  std::string encoded;
  EncodeTopChunk(pairs, &encoded);
  std::vector<TopPair> again;
  Require(DecodeTopChunk(encoded, &again).ok() && again.size() == pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    Require(again[i].ad == pairs[i].ad && again[i].amount == pairs[i].amount);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  Check(bytes);
  PutFixed(&bytes, Checksum32(bytes));
  Check(bytes);
  return 0;
}
