#include "engine/top_banners.h"

#include <algorithm>
#include <iterator>

namespace tallymark {
namespace {

constexpr size_t kConvertingMax = 10;
constexpr size_t kFilledTo = 5;

bool IsNumber(std::string_view id) {
  return !id.empty() && std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view WithoutLeadingZeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

bool HasMoreClicks(const BannerSums& a, const BannerSums& b) {
  const auto clicks = Metric::kClicks;
  if (a.sums[clicks] != b.sums[clicks]) return a.sums[clicks] > b.sums[clicks];
  return IsSmallerBannerId(a.banner_id, b.banner_id);
}

bool HasMoreRevenue(const BannerSums& a, const BannerSums& b) {
  const auto revenue = Metric::kRevenue;
  if (a.sums[revenue] != b.sums[revenue]) return a.sums[revenue] > b.sums[revenue];
  return HasMoreClicks(a, b);
}

}  // namespace

bool IsSmallerBannerId(std::string_view a, std::string_view b) {
  const bool a_is_number = IsNumber(a);
  const bool b_is_number = IsNumber(b);
  if (a_is_number != b_is_number) return a_is_number;
  if (!a_is_number) return a < b;
  const std::string_view a_digits = WithoutLeadingZeros(a);
  const std::string_view b_digits = WithoutLeadingZeros(b);
  if (a_digits.size() != b_digits.size()) return a_digits.size() < b_digits.size();
  return a_digits != b_digits ? a_digits < b_digits : a < b;
}

TopBanners PickTopBanners(std::vector<BannerSums> banners) {
  TopBanners top;
  const auto others = std::partition(banners.begin(), banners.end(), [](const BannerSums& banner) {
    return banner.sums[Metric::kConversions] > 0;
  });
  const auto converting = static_cast<size_t>(others - banners.begin());
  top.converting = converting;
  std::sort(banners.begin(), others, HasMoreRevenue);
  std::sort(others, banners.end(), HasMoreClicks);
  const size_t wanted = converting >= kFilledTo ? std::min(converting, kConvertingMax) : kFilledTo;
  banners.resize(std::min(banners.size(), wanted));
  top.banners = std::move(banners);
  return top;
}

}  // namespace tallymark
