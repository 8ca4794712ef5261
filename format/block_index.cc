#include "format/block_index.h"

#include "format/coding.h"

namespace tallymark {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kSpansHours = 1;

}  // namespace

std::string EncodeBlockIndex(const BlockIndexEntry& entry) {
  std::string out;
  PutFixed<uint8_t>(&out, kVersion);
  PutFixed<uint8_t>(&out, entry.spans_hours ? kSpansHours : 0);
  PutFixed(&out, entry.info.count);
  PutFixed(&out, entry.info.time_min_ns);
  PutFixed(&out, entry.info.time_max_ns);
  PutFixed(&out, entry.info.ad_min);
  PutFixed(&out, entry.info.ad_max);
  return out;
}

bool DecodeBlockIndex(std::string_view bytes, BlockIndexEntry* entry) {
  uint8_t version = 0;
  uint8_t flags = 0;
  bool read = GetFixed(&bytes, &version) && version == kVersion && GetFixed(&bytes, &flags) &&
              GetFixed(&bytes, &entry->info.count) && GetFixed(&bytes, &entry->info.time_min_ns) &&
              GetFixed(&bytes, &entry->info.time_max_ns) && GetFixed(&bytes, &entry->info.ad_min) &&
              GetFixed(&bytes, &entry->info.ad_max);
  if (!read || !bytes.empty() || flags > kSpansHours) return false;
  entry->spans_hours = flags == kSpansHours;
  return true;
}

}  // namespace tallymark
