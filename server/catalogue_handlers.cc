#include "server/catalogue_handlers.h"

#include <algorithm>
#include <array>
#include <string>

#include "format/decimal.h"
#include "format/time_units.h"
#include "server/ad_settings_json.h"
#include "server/failure_answers.h"
#include "server/json_text.h"
#include "server/metric_handlers.h"
#include "server/query_args.h"

namespace tallymark {
namespace {

constexpr size_t kSettingsBytesMax = 256 << 10;

// The ad in the path; no parameters are taken.
Status CheckAdRequest(const HttpRequest& request) {
  Status params = QueryParams(request.target.params).Check(std::array<std::string_view, 0>{});
  return params.ok() ? CheckAdId(request.path_value) : params;
}

HttpAnswer AdAnswer(int status, const std::string& ad_id, const AdSettings& settings) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = AdSettingsJson(ad_id, settings);
  return answer;
}

HttpAnswer OwnerMetrics(const Services& services, const HttpRequest& request, AdOwner owner) {
  const std::string_view name = FieldName(FieldOf(owner));
  if (Status s = CheckId(name, request.path_value); !s.ok()) return Failure(s);
  Result<std::vector<std::string>> ads = services.engine.AdsOf(owner, request.path_value);
  return ads.ok() ? AnswerMetricsOf(services, request, name, *ads) : Failure(ads.status());
}

bool Fits(const TopBanners& top) {
  return std::ranges::all_of(top.banners, [](const BannerSums& banner) {
    return std::ranges::all_of(banner.sums.value, [](__int128 sum) { return FitsInt64(sum); });
  });
}

void AppendBanner(const BannerSums& banner, JsonText* json) {
  auto amount = [&](Metric metric) { return static_cast<int64_t>(banner.sums[metric]); };
  json->Raw(R"({"banner_id":)").Quoted(banner.banner_id).Raw(R"(,"ad_ids":[)");
  for (size_t i = 0; i < banner.ad_ids.size(); ++i) json->Raw(i > 0 ? "," : "").Quoted(banner.ad_ids[i]);
  json->Raw(R"(],"revenue":")").Raw(FormatMicros(amount(Metric::kRevenue)));
  json->Raw(R"(","clicks":)").Number(amount(Metric::kClicks));
  json->Raw(R"(,"conversions":)").Number(amount(Metric::kConversions));
  json->Raw(R"(,"impressions":)").Number(amount(Metric::kImpressions)).Raw("}");
}

}  // namespace

HttpAnswer AnswerPutAd(const Services& services, HttpRequest& request) {
  if (Status s = CheckAdRequest(request); !s.ok()) return Failure(s);
  if (request.path_value == "popular_ads") return Failure(Status::Invalid("ad_id: popular_ads is reserved"));
  if (request.body.size() > kSettingsBytesMax)
    return ErrorAnswer(ErrorStyle::kProblem, 413, "a catalogue entry has at most 256 KiB");
  Result<AdSettings> settings = ReadAdSettings(request.body, request.path_value);
  if (!settings.ok()) return Failure(settings.status());
  Result<bool> created = services.engine.SetAd(request.path_value, *settings);
  if (!created.ok()) return Failure(created.status());
  Result<AdSettings> entry = services.engine.GetAd(request.path_value);
  return AdAnswer(*created ? 201 : 200, request.path_value, entry.ok() ? *entry : *settings);
}

HttpAnswer AnswerGetAd(const Services& services, HttpRequest& request) {
  if (Status s = CheckAdRequest(request); !s.ok()) return Failure(s);
  Result<AdSettings> entry = services.engine.GetAd(request.path_value);
  return entry.ok() ? AdAnswer(200, request.path_value, *entry) : Failure(entry.status());
}

HttpAnswer AnswerDeleteAd(const Services& services, HttpRequest& request) {
  if (Status s = CheckAdRequest(request); !s.ok()) return Failure(s);
  Status removed = services.engine.RemoveAd(request.path_value);
  if (!removed.ok()) return Failure(removed);
  HttpAnswer answer;
  answer.status = 204;
  return answer;
}

HttpAnswer AnswerTopBanners(const Services& services, HttpRequest& request) {
  if (Status s = CheckId("campaign_id", request.path_value); !s.ok()) return Failure(s);
  Result<MinuteRange> range = ReadRangeArgs(QueryParams(request.target.params), services.clock.NowNs());
  if (!range.ok()) return Failure(range.status());
  Result<TopBanners> top = services.engine.TopBannersOf(request.path_value, *range);
  if (!top.ok()) return RangeFailure(services, top.status(), *range);
  if (!Fits(*top)) return OverflowAnswer();
  JsonText json(256 + top->banners.size() * 160);
  json.Raw(R"({"campaign_id":)").Quoted(request.path_value);
  json.Raw(R"(,"from":)").Number(range->begin * kMsPerMinute);
  json.Raw(R"(,"to":)").Number(range->end * kMsPerMinute);
  json.Raw(R"(,"x":)").Number(top->converting).Raw(R"(,"banners":[)");
  for (size_t i = 0; i < top->banners.size(); ++i) AppendBanner(top->banners[i], &json.Raw(i > 0 ? "," : ""));
  json.Raw(R"(],"watermark":)").NumberOrNull(services.engine.WatermarkMs()).Raw("}");
  HttpAnswer answer;
  answer.body = json.Take();
  return answer;
}

HttpAnswer AnswerCampaignMetrics(const Services& services, HttpRequest& request) {
  return OwnerMetrics(services, request, AdOwner::kCampaign);
}

HttpAnswer AnswerAdvertiserMetrics(const Services& services, HttpRequest& request) {
  return OwnerMetrics(services, request, AdOwner::kAdvertiser);
}

}  // namespace tallymark
