#ifndef TALLYMARK_SERVER_AD_SETTINGS_JSON_H_
#define TALLYMARK_SERVER_AD_SETTINGS_JSON_H_

#include <string>
#include <string_view>

#include "format/ad_record.h"
#include "format/status.h"

namespace tallymark {

inline constexpr size_t kMaxRedirectUrlBytes = 2048;

// What a catalogue entry sets, from the JSON object that a client sent for the ad `ad_id`:
// redirect_url (http or https), campaign_id, banner_id, advertiser_id, and any other attribute.
// Values are strings, whole numbers or booleans, which stand for their text; null is absent. ad_id
// may be repeated. kInvalid names the member that is wrong.
Result<AdSettings> ReadAdSettings(std::string_view json, std::string_view ad_id);

// {"ad_id":...,"redirect_url":...,"campaign_id":...,"banner_id":...,"advertiser_id":...} with null
// for what is not known, then the other attributes.
std::string AdSettingsJson(std::string_view ad_id, const AdSettings& settings);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_AD_SETTINGS_JSON_H_
