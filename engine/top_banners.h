#ifndef TALLYMARK_ENGINE_TOP_BANNERS_H_
#define TALLYMARK_ENGINE_TOP_BANNERS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/hour_row.h"

namespace tallymark {

// A banner of a campaign over a range: the sums of its ads.
struct BannerSums {
  std::string banner_id;
  std::vector<std::string> ad_ids;  // ascending, bytewise
  MetricSums sums;
};

struct TopBanners {
  uint64_t converting = 0;  // x: banners with a conversion in the range
  std::vector<BannerSums> banners;
};

// Which banners of a campaign are on top (x of them have a conversion):
//   x >= 10: the 10 of those with most revenue;  5..9: those x by revenue;
//   1..4: those x by revenue, then others by clicks, 5 in all;  0: the 5 with most clicks.
// Equal revenue: more clicks first; equal clicks: the smaller id.
TopBanners PickTopBanners(std::vector<BannerSums> banners);

// Whether banner id a is smaller than b: as whole numbers where both are, of any length; a number
// before what is none; else bytewise.
bool IsSmallerBannerId(std::string_view a, std::string_view b);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_TOP_BANNERS_H_
