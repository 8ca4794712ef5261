#ifndef TALLYMARK_FORMAT_AD_RECORD_H_
#define TALLYMARK_FORMAT_AD_RECORD_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/event_chunk.h"
#include "format/status.h"

namespace tallymark {

// What the catalogue keeps of an ad (ad_record.md): what events said of it, and what was set.

// To whom an ad belongs. Stored: never renumber.
enum class AdOwner : uint8_t { kCampaign = 0, kBanner = 1, kAdvertiser = 2 };
inline constexpr size_t kAdOwnerCount = 3;
constexpr Field FieldOf(AdOwner owner) {
  return static_cast<Field>(static_cast<uint8_t>(Field::kCampaignId) + static_cast<uint8_t>(owner));
}
static_assert(FieldOf(AdOwner::kBanner) == Field::kBannerId);
static_assert(FieldOf(AdOwner::kAdvertiser) == Field::kAdvertiserId);

// A value and the event it was learned from: the greatest (time, event_id) that carried one. Of two
// events equal in both the greater value wins, so that the order of arrival decides nothing.
struct LearnedOwner {
  int64_t time_ns = 0;
  std::string event_id;  // empty when the event had none
  std::string value;
  friend auto operator<=>(const LearnedOwner&, const LearnedOwner&) = default;
};

// By AdOwner; empty where no event carried it. A value of the column family `ad_owners`.
using LearnedAd = std::array<std::optional<LearnedOwner>, kAdOwnerCount>;
std::string EncodeLearnedAd(const LearnedAd& ad);
// Corruption says what is wrong; *ad is then unspecified.
Status DecodeLearnedAd(std::string_view bytes, LearnedAd* ad);

// What somebody set for an ad: it goes before what events say. A value of `ad_settings`.
struct AdSettings {
  std::optional<std::string> redirect_url;
  std::array<std::optional<std::string>, kAdOwnerCount> owners;  // by AdOwner
  std::vector<std::pair<std::string, std::string>> others;       // by name, ascending, each once
  friend bool operator==(const AdSettings&, const AdSettings&) = default;
};
std::string EncodeAdSettings(const AdSettings& settings);
Status DecodeAdSettings(std::string_view bytes, AdSettings* settings);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_AD_RECORD_H_
