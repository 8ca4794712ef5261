// The catalogue and top_banners over HTTP, and what a client sees of waiting conversions.

#include "tests/server/test_server.h"

namespace tallymark {
namespace {

class HttpCatalogueTest : public ServerTest {
 protected:
  static std::string At(int64_t second) { return " " + std::to_string(1609459200 + second) + "000000000\n"; }
  static constexpr char kRange[] = "from=1609459200000&to=1609459260000";
};

TEST_F(HttpCatalogueTest, AnAdIsSetShownAndForgotten) {
  EXPECT_EQ(Get("/v1/ads/a%2Fb").status, 404);
  TestAnswer put = Request("PUT", "/v1/ads/a%2Fb",
                           R"({"ad_id":"a/b","redirect_url":"https://example.com/x","campaign_id":7,)"
                           R"("banner_id":"31","advertiser_id":null,"name":"Spring","live":true})");
  EXPECT_EQ(put.status, 201) << put.body;
  const std::string entry =
      R"({"ad_id":"a/b","redirect_url":"https://example.com/x","campaign_id":"7","banner_id":"31",)"
      R"("advertiser_id":null,"live":"true","name":"Spring"})";
  EXPECT_EQ(put.body, entry);
  EXPECT_EQ(Get("/v1/ads/a%2Fb").body, entry);
  EXPECT_EQ(Request("PUT", "/v1/ads/a%2Fb", R"({"campaign_id":"8"})").status, 200);
  EXPECT_EQ(Get("/v1/ads/a%2Fb").body,
            R"({"ad_id":"a/b","redirect_url":null,"campaign_id":"8","banner_id":null,"advertiser_id":null})");
  EXPECT_EQ(Request("DELETE", "/v1/ads/a%2Fb").status, 204);
  EXPECT_EQ(Request("DELETE", "/v1/ads/a%2Fb").status, 404);
  EXPECT_EQ(Get("/v1/ads/a%2Fb").status, 404);
}

TEST_F(HttpCatalogueTest, WhatIsWrongIsNamed) {
  auto detail = [&](const std::string& body) {
    TestAnswer answer = Request("PUT", "/v1/ads/a", body);
    EXPECT_EQ(answer.status, 400) << body;
    return std::string(answer.Json().at("detail").as_string());
  };
  EXPECT_NE(detail("nonsense").find("not JSON"), std::string::npos);
  EXPECT_NE(detail("[1]").find("JSON object"), std::string::npos);
  EXPECT_NE(detail(R"({"redirect_url":"javascript:void"})").find("redirect_url"), std::string::npos);
  EXPECT_NE(detail(R"({"redirect_url":"https://a b"})").find("redirect_url"), std::string::npos);
  EXPECT_NE(detail(R"({"campaign_id":""})").find("campaign_id"), std::string::npos);
  EXPECT_NE(detail(R"({"campaign_id":1.5})").find("campaign_id"), std::string::npos);
  EXPECT_NE(detail(R"({"banner_id":{}})").find("banner_id"), std::string::npos);
  EXPECT_NE(detail(R"({"ad_id":"b"})").find("ad_id"), std::string::npos);
  EXPECT_EQ(Request("PUT", "/v1/ads/popular_ads", "{}").status, 400);
  EXPECT_EQ(Request("PUT", "/v1/ads/a?x=1", "{}").status, 400);
  EXPECT_EQ(Get("/v1/ads/a").status, 404) << "nothing of it was set";
}

TEST_F(HttpCatalogueTest, TopBannersHaveTheFormOfTheContract) {
  EXPECT_EQ(SendAndSync("impression,ad_id=a1,campaign_id=7,banner_id=31 event_id=\"i\"" + At(1) +
                        "click,ad_id=a1,campaign_id=7,banner_id=31 event_id=\"c\"" + At(2) +
                        "click,ad_id=a2,campaign_id=7,banner_id=32 event_id=\"d\"" + At(2) +
                        "conversion click_id=\"c\",event_id=\"v\",revenue=1.25" + At(3)),
            "synced t accepted=4 duplicates=0 rejected=0");
  TestAnswer answer = Get(std::string("/v1/campaigns/7/top_banners?") + kRange);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(
      answer.body,
      R"({"campaign_id":"7","from":1609459200000,"to":1609459260000,"x":1,"banners":[)"
      R"({"banner_id":"31","ad_ids":["a1"],"revenue":"1.250000","clicks":1,"conversions":1,"impressions":1},)"
      R"({"banner_id":"32","ad_ids":["a2"],"revenue":"0.000000","clicks":1,"conversions":0,"impressions":0}],)"
      R"("watermark":1609459083000})");
  answer = Get("/v1/campaigns/unknown/top_banners?from=1609459200000");
  EXPECT_EQ(answer.Json().at("x").as_int64(), 0);
  EXPECT_TRUE(answer.Json().at("banners").as_array().empty());
  EXPECT_EQ(Get("/v1/campaigns/7/top_banners").status, 400);
  EXPECT_EQ(Get(std::string("/v1/campaigns/7/top_banners?step=1m&") + kRange).status, 400);
}

TEST_F(HttpCatalogueTest, MetricsOfACampaignAndAnAdvertiserAddUpTheirAds) {
  SendAndSync("impression,ad_id=a1,campaign_id=7,advertiser_id=v event_id=\"i\",user_id=\"u\"" + At(1) +
              "click,ad_id=a2,campaign_id=7,advertiser_id=v event_id=\"c\",user_id=\"u\"" + At(2) +
              "click,ad_id=a3,campaign_id=8,advertiser_id=v event_id=\"d\",user_id=\"w\",revenue=1" + At(2));
  auto point = [&](const std::string& owner) {
    TestAnswer answer = Get("/v1/" + owner + "/metrics?from=1609459200000&to=1609462800000");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.Json().at("points").at(0).as_object();
  };
  boost::json::object campaign = point("campaigns/7");
  EXPECT_EQ(campaign.at("impressions").as_int64(), 1);
  EXPECT_EQ(campaign.at("clicks").as_int64(), 1);
  EXPECT_EQ(campaign.at("unique_users").as_int64(), 1) << "sets are merged, not added";
  boost::json::object advertiser = point("advertisers/v");
  EXPECT_EQ(advertiser.at("clicks").as_int64(), 2);
  EXPECT_EQ(advertiser.at("unique_users").as_int64(), 2);
  EXPECT_EQ(advertiser.at("revenue").as_string(), "1.000000");
  EXPECT_EQ(point("campaigns/unknown").at("clicks").as_int64(), 0);
  EXPECT_EQ(Get("/v1/campaigns/7/metrics").status, 400);
}

TEST_F(HttpCatalogueTest, WaitingConversionsAreAcceptedAndShownInTheStatus) {
  EXPECT_EQ(SendAndSync("conversion click_id=\"late\",event_id=\"v\"" + At(3)),
            "synced t accepted=1 duplicates=0 rejected=0");
  EXPECT_EQ(Get("/v1/status").Json().at("waiting_conversions").as_int64(), 1);
  EXPECT_NE(Get("/metrics").body.find("tallymark_conversions_waiting 1\n"), std::string::npos);
  EXPECT_EQ(SendAndSync("click,ad_id=a event_id=\"late\"" + At(1)),
            "synced t accepted=1 duplicates=0 rejected=0");
  EXPECT_EQ(Get("/v1/status").Json().at("waiting_conversions").as_int64(), 0);
  TestAnswer count = Get(std::string("/v1/ads/a/aggregated_cnt?metric=conversions&") + kRange);
  EXPECT_EQ(count.Json().at("count").as_int64(), 1);
}

}  // namespace
}  // namespace tallymark
