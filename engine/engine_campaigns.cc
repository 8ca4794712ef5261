// The queries of EngineImpl about campaigns and advertisers, and the catalogue's face.

#include <algorithm>
#include <map>

#include "engine/engine_impl.h"

namespace tallymark {
Result<std::vector<std::string>> EngineImpl::AdsOf(AdOwner owner, const std::string& id) const {
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  std::vector<std::string> ad_ids;
  for (uint32_t ad : (*core)->catalogue().AdsOf(owner, id)) ad_ids.emplace_back((*core)->ads().Name(ad));
  return ad_ids;
}

Result<TopBanners> EngineImpl::TopBannersOf(const std::string& campaign_id, MinuteRange range) const {
  if (range.begin >= range.end) return Status::Invalid("the range is empty");
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  const CounterView& counters = (*core)->counters();
  Status status = counters.CheckRange(range);
  if (!status.ok()) return status;
  const Catalogue& catalogue = (*core)->catalogue();
  std::map<std::string, BannerSums> by_banner;
  for (uint32_t ad : catalogue.AdsOf(AdOwner::kCampaign, campaign_id)) {
    std::optional<std::string> banner_id = catalogue.OwnerOf(ad, AdOwner::kBanner);
    if (!banner_id) continue;
    BannerSums& banner = by_banner[*banner_id];
    banner.ad_ids.emplace_back((*core)->ads().Name(ad));
    status = counters.Sum(ad, 0, range, &banner.sums);
    if (!status.ok()) return status;
  }
  std::vector<BannerSums> banners;
  for (auto& [id, banner] : by_banner) {
    banner.banner_id = id;
    std::sort(banner.ad_ids.begin(), banner.ad_ids.end());
    banners.push_back(std::move(banner));
  }
  return PickTopBanners(std::move(banners));
}

Result<bool> EngineImpl::SetAd(const std::string& ad_id, const AdSettings& settings) {
  Status health = WriteHealth();
  if (!health.ok()) return health;
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  return (*core)->catalogue().Set(ad_id, settings);
}

Status EngineImpl::RemoveAd(const std::string& ad_id) {
  Status health = WriteHealth();
  if (!health.ok()) return health;
  Result<std::shared_ptr<Core>> core = this->core();
  return core.ok() ? (*core)->catalogue().Remove(ad_id) : core.status();
}

Result<AdSettings> EngineImpl::GetAd(const std::string& ad_id) const {
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  return (*core)->catalogue().Get(ad_id);
}

}  // namespace tallymark
