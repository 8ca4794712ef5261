#ifndef TALLYMARK_ENGINE_CATALOGUE_H_
#define TALLYMARK_ENGINE_CATALOGUE_H_

#include <map>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/ad_table.h"
#include "engine/learned_ads.h"
#include "engine/storage.h"
#include "format/ad_record.h"

namespace tallymark {

// The catalogue of ads: what was set for them, and where nothing was, what events said. Settings are
// kept under the ad's id, so that they can come before its first event. Thread safe.
class Catalogue {
 public:
  Catalogue(Storage* storage, const AdTable* ads, const LearnedAds* learned)
      : storage_(storage), ads_(ads), learned_(learned) {}

  // Reads the settings.
  Status Load();

  // Replaces what was set for the ad; durable when it returns. True: nothing had been set.
  Result<bool> Set(const std::string& ad_id, const AdSettings& settings);
  // Forgets what was set. kNotFound when nothing was.
  Status Remove(const std::string& ad_id);
  // What holds: settings, filled up with what events said. kNotFound for an ad that was neither set
  // nor seen.
  Result<AdSettings> Get(const std::string& ad_id) const;

  // The ids of the ads for which something is set, ascending.
  std::vector<std::string> SetAds() const;

  // The ads that belong to `id`, by number. Ads that no event has named have no number and are left
  // out: there is nothing to count for them.
  std::vector<uint32_t> AdsOf(AdOwner owner, const std::string& id) const;
  // Empty when it is not known.
  std::optional<std::string> OwnerOf(uint32_t ad, AdOwner owner) const;

 private:
  using Settings = std::unordered_map<std::string, AdSettings>;

  const std::string* SetOwner(const std::string& ad_id, AdOwner owner) const;
  void Index(const std::string& ad_id, const AdSettings& settings, bool add);
  Status Write(const std::string& ad_id, const AdSettings* settings);

  Storage* const storage_;
  const AdTable* const ads_;
  const LearnedAds* const learned_;

  std::mutex write_mutex_;           // one change at a time, the disk first
  mutable std::shared_mutex mutex_;  // what is below
  Settings settings_;                // by ad id
  std::array<std::map<std::string, std::set<std::string>>, kAdOwnerCount> set_members_;  // ad ids
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_CATALOGUE_H_
