#include "format/raw_block_layout.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "format/coding.h"
#include "format/column_rows.h"
#include "format/raw_block.h"

namespace tallymark {
namespace {

Status Damaged(const std::string& what) { return Status::Corruption("raw block: " + what); }

bool IsKnownColumn(uint8_t column) {
  auto field = static_cast<unsigned>(column) - static_cast<unsigned>(RawColumn::kField);
  bool is_field = field > static_cast<unsigned>(Field::kAdId) && field < static_cast<unsigned>(kFieldCount);
  return is_field ||
         (column >= static_cast<uint8_t>(RawColumn::kAds) &&
          column <= static_cast<uint8_t>(RawColumn::kInherited)) ||
         column == static_cast<uint8_t>(RawColumn::kExtra);
}

// Takes one entry but for its body, whose size it gives.
bool GetEntry(std::string_view* in, RawColumnView* entry, uint64_t* body_size) {
  return GetFixed(in, &entry->column) && GetFixed(in, &entry->encoding) && GetFixed(in, &entry->layout) &&
         GetVarint64(in, body_size) && (!entry->Is(RawColumn::kExtra) || GetLengthPrefixed(in, &entry->name));
}

bool Ascending(const RawColumnView& a, const RawColumnView& b) {
  return a.column != b.column ? a.column < b.column : a.name < b.name;
}

// Ads, times and kinds are in every block, revenue and what was inherited may be.
bool LayoutFits(const RawColumnView& entry) {
  if (entry.layout > (kLayoutFormMask | kLayoutPerAd)) return false;
  if (entry.Is(RawColumn::kRevenue) || entry.Is(RawColumn::kInherited))
    return entry.layout <= kLayoutFormMask;
  if (entry.column < static_cast<uint8_t>(RawColumn::kRevenue)) return entry.layout == 0;
  return entry.layout <= kLayoutFormMask || entry.layout == kLayoutPerAd;
}

Status ReadDirectory(std::string_view directory, std::string_view bodies, uint32_t column_count,
                     std::vector<RawColumnView>* columns) {
  columns->clear();
  for (uint32_t i = 0; i < column_count; ++i) {
    RawColumnView entry;
    uint64_t size = 0;
    if (!GetEntry(&directory, &entry, &size)) return Damaged("the directory is cut short");
    if (!IsKnownColumn(entry.column)) {
      return Damaged("column " + std::to_string(entry.column) + " is not known to this version");
    }
    if (size > bodies.size()) return Damaged(entry.Name() + " reaches past the columns");
    if (!columns->empty() && !Ascending(columns->back(), entry)) return Damaged("columns are out of order");
    if (!LayoutFits(entry)) return Damaged(entry.Name() + " has an impossible layout");
    entry.body = bodies.substr(0, size);
    bodies.remove_prefix(size);
    columns->push_back(entry);
  }
  if (!directory.empty() || !bodies.empty()) return Damaged("bytes that no column owns");
  for (uint8_t i = 0; i < 3; ++i) {
    if (columns->size() <= i || (*columns)[i].column != i + 1)
      return Damaged("ads, times or kinds are missing");
  }
  return Status::Ok();
}

}  // namespace

std::string RawColumnView::Name() const {
  switch (static_cast<RawColumn>(column)) {
    case RawColumn::kAds:
      return "column ads";
    case RawColumn::kTimes:
      return "column times";
    case RawColumn::kKinds:
      return "column kinds";
    case RawColumn::kRevenue:
      return "column revenue";
    case RawColumn::kInherited:
      return "column inherited";
    case RawColumn::kExtra:
      return "column of attribute '" + std::string(name.substr(0, 64)) + "'";
    case RawColumn::kField:
      break;
  }
  auto field = static_cast<Field>(column - static_cast<unsigned>(RawColumn::kField));
  return "column " + (IsKnownColumn(column) ? std::string(FieldName(field)) : std::to_string(column));
}

uint64_t RawBlockChecksum(std::string_view block) {
  uint64_t seed;
  std::memcpy(&seed, block.data(), sizeof seed);
  return XXH3_64bits_withSeed(block.data() + kChecksumEnd, block.size() - kChecksumEnd, seed);
}

void SealRawBlock(char* block, size_t size) {
  auto stored_size = static_cast<uint32_t>(size);
  std::memcpy(block + offsetof(RawBlockHeader, size), &stored_size, sizeof stored_size);
  uint64_t checksum = RawBlockChecksum({block, size});
  std::memcpy(block + kChecksumOffset, &checksum, sizeof checksum);
}

Status CheckRawBlock(std::string_view block, RawBlockHeader* header) {
  if (block.size() < sizeof *header) return Damaged("shorter than its header");
  std::memcpy(header, block.data(), sizeof *header);
  if (header->magic != kRawBlockMagic) return Damaged("wrong magic");
  if (header->version < kRawBlockVersionPlain || header->version > kRawBlockVersion) {
    return Damaged("version " + std::to_string(header->version) +
                   " is not known; this program reads versions up to " + std::to_string(kRawBlockVersion));
  }
  if (header->size != block.size()) {
    return Damaged("says it has " + std::to_string(header->size) + " bytes, but has " +
                   std::to_string(block.size()));
  }
  if (header->checksum != RawBlockChecksum(block)) return Damaged("checksum does not match");
  if (header->flags != 0) return Damaged("unknown flags");
  if (header->count == 0 || header->count > kRawBlockEventsMax) return Damaged("impossible event count");
  if (header->time_min_ns > header->time_max_ns) return Damaged("times begin after they end");
  if (header->ad_min > header->ad_max) return Damaged("ads begin after they end");
  if (header->directory_size > block.size() - sizeof *header)
    return Damaged("directory larger than the block");
  return Status::Ok();
}

Status OpenRawBlock(std::string_view block, RawBlockHeader* header, std::vector<RawColumnView>* columns) {
  Status status = CheckRawBlock(block, header);
  if (!status.ok()) return status;
  std::string_view bodies = block.substr(sizeof *header);
  std::string_view directory = bodies.substr(bodies.size() - header->directory_size);
  bodies.remove_suffix(header->directory_size);
  status = ReadDirectory(directory, bodies, header->column_count, columns);
  if (!status.ok()) return status;
  // One form for one content: the version says whether something was inherited.
  const bool joined = std::any_of(columns->begin(), columns->end(),
                                  [](const RawColumnView& c) { return c.Is(RawColumn::kInherited); });
  if (joined == (header->version == kRawBlockVersionPlain)) {
    return Damaged("version " + std::to_string(header->version) +
                   (joined ? " with a column that came later" : " without what makes it one"));
  }
  return status;
}

}  // namespace tallymark
