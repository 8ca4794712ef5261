#ifndef TALLYMARK_FORMAT_COLUMN_ADS_H_
#define TALLYMARK_FORMAT_COLUMN_ADS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tallymark {

// The distinct ads of a block, ascending, each with the rows that are its own: ad i has the rows
// [begin[i], begin[i + 1]). `begin` has one entry more than `ad` and ends with the row count.
struct AdRuns {
  std::vector<uint32_t> ad;
  std::vector<uint32_t> begin;

  size_t size() const { return ad.size(); }
};

// Appends the runs; the first ad and the row count are not stored, the block's header has them.
// Layout in raw_block.md, "Ads".
void EncodeAdRuns(const AdRuns& runs, std::string* out);

// Replaces *runs by what `bytes` holds. False when they are damaged, when the last ad is not
// ad_max, or when the runs do not add up to `count` rows. Allocates at most 8 bytes a row.
bool DecodeAdRuns(std::string_view bytes, uint32_t ad_min, uint32_t ad_max, uint32_t count, AdRuns* runs);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_COLUMN_ADS_H_
