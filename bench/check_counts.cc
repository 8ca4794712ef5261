#include "bench/check_counts.h"

#include <algorithm>
#include <boost/json.hpp>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "bench/fail.h"
#include "bench/loopback.h"

namespace tallymark::bench {
namespace {

constexpr size_t kTopAds = 100;
constexpr uint64_t kAdsAsked = 300;
constexpr int64_t kTopWindowMinutesMax = 10'080;

boost::json::object Ask(HttpClient* http, const std::string& target) {
  return boost::json::parse(http->Get(target)).as_object();
}

std::string Expected(const std::string& what, uint64_t wanted, uint64_t got) {
  return what + ": expected " + std::to_string(wanted) + ", got " + std::to_string(got);
}

void CheckAd(const Workload& workload, HttpClient* http, uint64_t ad, uint32_t filter) {
  const std::string name = StreamGenerator::AdName(ad);
  const auto answer =
      Ask(http, "/v1/ads/" + name + "/aggregated_cnt?from=" + std::to_string(workload.begin_ms()) +
                    "&to=" + std::to_string(workload.end_ms()) + "&filter=" + std::to_string(filter));
  const auto count = answer.at("count").to_number<uint64_t>();
  if (count != workload.Clicks(ad)) Fail(Expected("clicks of " + name, workload.Clicks(ad), count));
}

void CheckTopList(const Workload& workload, HttpClient* http, uint32_t filter) {
  const int64_t window = (workload.end_ms() - workload.begin_ms()) / kMsPerMinute;
  if (window > kTopWindowMinutesMax) return;
  std::vector<uint64_t> ads(workload.ads());
  std::iota(ads.begin(), ads.end(), 1);
  std::erase_if(ads, [&](uint64_t ad) { return workload.Clicks(ad) == 0; });
  const size_t count = std::min(kTopAds, ads.size());
  std::partial_sort(ads.begin(), ads.begin() + static_cast<std::ptrdiff_t>(count), ads.end(),
                    [&](uint64_t a, uint64_t b) {
                      if (workload.Clicks(a) != workload.Clicks(b))
                        return workload.Clicks(a) > workload.Clicks(b);
                      return StreamGenerator::AdName(a) < StreamGenerator::AdName(b);
                    });
  const auto answer =
      Ask(http, "/v1/ads/popular_ads?count=" + std::to_string(kTopAds) + "&window=" + std::to_string(window) +
                    "&to=" + std::to_string(workload.end_ms()) + "&filter=" + std::to_string(filter));
  const auto& ids = answer.at("ad_ids").as_array();
  const auto& counts = answer.at("counts").as_array();
  if (ids.size() != count) Fail(Expected("length of the top list", count, ids.size()));
  for (size_t i = 0; i < count; ++i) {
    const auto got = counts[i].to_number<uint64_t>();
    if (ids[i].as_string() != StreamGenerator::AdName(ads[i]) || got != workload.Clicks(ads[i])) {
      Fail(Expected("place " + std::to_string(i + 1) + " of the top list, " + StreamGenerator::AdName(ads[i]),
                    workload.Clicks(ads[i]), got));
    }
  }
}

}  // namespace

void CheckTallies(const Workload& workload, const SendResult& sent) {
  if (sent.accepted != workload.fresh()) Fail(Expected("accepted", workload.fresh(), sent.accepted));
  if (sent.duplicates != workload.duplicates()) {
    Fail(Expected("duplicates", workload.duplicates(), sent.duplicates));
  }
  if (sent.rejected != 0) Fail(Expected("rejected", 0, sent.rejected));
}

void CheckCounts(const Workload& workload, uint16_t http_port, uint32_t filter) {
  HttpClient http(http_port);
  for (uint64_t i = 0; i < kAdsAsked; ++i) {
    CheckAd(workload, &http, workload.AdOfSomeLine(i), filter);
    CheckAd(workload, &http, 1 + Mix64(i) % workload.ads(), filter);
  }
  CheckTopList(workload, &http, filter);
}

double StoredEvents(uint16_t http_port) {
  HttpClient http(http_port);
  return Ask(&http, "/v1/status").at("events").at("stored").to_number<double>();
}

}  // namespace tallymark::bench
