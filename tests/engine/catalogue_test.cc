// The catalogue: what events say of ads, in any order, across restarts; what is set goes before it.

#include <algorithm>
#include <iostream>
#include <map>
#include <random>

#include "tests/engine/test_events.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'609'459'200LL * kNsPerSecond;

std::string Event(const std::string& ad, const std::string& owners, const std::string& id, int64_t seconds) {
  return "impression,ad_id=" + ad + owners + " x=1i" + (id.empty() ? "" : ",event_id=\"" + id + "\"") + " " +
         std::to_string(kStart + seconds * kNsPerSecond) + "\n";
}

class CatalogueTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.data_dir = directory_.path();
    options_.clock = &clock_;
    options_.memory_bytes = 64 << 20;
    options_.free_space_floor_bytes = 0;
    engine_ = MustOpen(options_);
  }
  void Reopen() {
    engine_.reset();
    engine_ = MustOpen(options_);
    ASSERT_TRUE(engine_);
  }
  void Send(const std::string& lines) {
    AppendOutcome outcome = AppendLines(engine_.get(), lines);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  }
  std::string Owner(const std::string& ad, AdOwner owner = AdOwner::kCampaign) {
    Result<AdSettings> entry = engine_->GetAd(ad);
    EXPECT_TRUE(entry.ok()) << entry.status().message();
    return entry.ok() ? entry->owners[static_cast<size_t>(owner)].value_or("none") : "no entry";
  }
  std::vector<std::string> Ads(AdOwner owner, const std::string& id) {
    Result<std::vector<std::string>> ads = engine_->AdsOf(owner, id);
    EXPECT_TRUE(ads.ok());
    std::sort(ads->begin(), ads->end());
    return *ads;
  }
  static AdSettings Campaign(const std::string& id) {
    AdSettings settings;
    settings.owners[0] = id;
    return settings;
  }
  using Names = std::vector<std::string>;

  TempDirectory directory_;
  ManualClock clock_{kStart + kNsPerDay};
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(CatalogueTest, EachAttributeIsOfTheNewestEventThatCarriesIt) {
  Send(Event("a", ",campaign_id=1,banner_id=b1", "e1", 10) + Event("a", ",campaign_id=2", "e2", 30) +
       Event("a", ",campaign_id=3,advertiser_id=v", "e3", 20) + Event("a", "", "e4", 99));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(Owner("a"), "2");
    EXPECT_EQ(Owner("a", AdOwner::kBanner), "b1");
    EXPECT_EQ(Owner("a", AdOwner::kAdvertiser), "v");
    EXPECT_EQ(Ads(AdOwner::kCampaign, "2"), Names{"a"});
    EXPECT_EQ(Ads(AdOwner::kCampaign, "1"), Names{});
    EXPECT_EQ(Ads(AdOwner::kAdvertiser, "v"), Names{"a"});
    if (round == 0) {
      ASSERT_TRUE(engine_->Checkpoint().ok());
    }
    if (round == 1) Reopen();
  }
}

// The time of the newest event is known although it changed nothing when it came.
TEST_F(CatalogueTest, AnEventInBetweenThatComesLateChangesNothing) {
  Send(Event("a", ",campaign_id=1", "e1", 10) + Event("a", ",campaign_id=1", "e2", 30));
  Reopen();
  Send(Event("a", ",campaign_id=2", "e3", 20));
  EXPECT_EQ(Owner("a"), "1");
  Send(Event("a", ",campaign_id=2", "e2a", 30));
  EXPECT_EQ(Owner("a"), "2") << "at the same time the greater event_id";
  Send(Event("a", ",campaign_id=3", "", 30));
  EXPECT_EQ(Owner("a"), "2") << "none is the smallest";
}

TEST_F(CatalogueTest, AnEmptyOwnerIsNone) {
  Send(Event("a", ",campaign_id=1", "e1", 10) + "click,ad_id=a campaign_id=\"\",event_id=\"e2\" " +
       std::to_string(kStart + 20 * kNsPerSecond) + "\n");
  EXPECT_EQ(Owner("a"), "1");
  EXPECT_EQ(Ads(AdOwner::kCampaign, "1"), Names{"a"});
}

TEST_F(CatalogueTest, AnyOrderWithRestartsGivesTheSame) {
  const uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  struct Said {
    int64_t seconds;
    std::string id, value;
    auto operator<=>(const Said&) const = default;
  };
  std::map<std::string, Said> newest;
  std::vector<std::string> lines;
  for (int i = 0; i < 3000; ++i) {
    const std::string ad = "ad" + std::to_string(random() % 40);
    Said said{static_cast<int64_t>(random() % 300), random() % 4 == 0 ? "" : "e" + std::to_string(i),
              "c" + std::to_string(random() % 6)};
    lines.push_back(Event(ad, ",campaign_id=" + said.value, said.id, said.seconds));
    auto [at, fresh] = newest.emplace(ad, said);
    if (!fresh) at->second = std::max(at->second, said);
  }
  std::shuffle(lines.begin(), lines.end(), random);
  for (size_t i = 0; i < lines.size();) {
    std::string chunk;
    for (uint64_t n = 1 + random() % 100; n > 0 && i < lines.size(); --n) chunk += lines[i++];
    Send(chunk);
    if (random() % 8 == 0) {
      ASSERT_TRUE(engine_->Checkpoint().ok());
    }
    if (random() % 8 == 0) Reopen();
    if (random() % 8 == 0) {
      ASSERT_TRUE(engine_->CompactAll(true).ok());
    }
  }
  std::map<std::string, Names> members;
  for (const auto& [ad, said] : newest) {
    EXPECT_EQ(Owner(ad), said.value) << "seed " << seed << " " << ad;
    members[said.value].push_back(ad);
  }
  for (int c = 0; c < 6; ++c) {
    const std::string campaign = "c" + std::to_string(c);
    std::sort(members[campaign].begin(), members[campaign].end());
    EXPECT_EQ(Ads(AdOwner::kCampaign, campaign), members[campaign]) << "seed " << seed;
  }
}

TEST_F(CatalogueTest, WhatIsSetGoesBeforeWhatEventsSay) {
  Send(Event("a", ",campaign_id=1,banner_id=b", "e1", 10) + Event("b", ",campaign_id=1", "e2", 10));
  Result<bool> created = engine_->SetAd("a", Campaign("9"));
  ASSERT_TRUE(created.ok());
  EXPECT_TRUE(*created);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Owner("a"), "9");
    EXPECT_EQ(Owner("a", AdOwner::kBanner), "b") << "what is not set is learned";
    EXPECT_EQ(Ads(AdOwner::kCampaign, "1"), Names{"b"});
    EXPECT_EQ(Ads(AdOwner::kCampaign, "9"), Names{"a"});
    Reopen();
  }
  Send(Event("a", ",campaign_id=2", "e3", 99));
  EXPECT_EQ(Owner("a"), "9");
  created = engine_->SetAd("a", Campaign("8"));
  EXPECT_FALSE(*created);
  EXPECT_EQ(Ads(AdOwner::kCampaign, "9"), Names{});
  EXPECT_EQ(Ads(AdOwner::kCampaign, "8"), Names{"a"});
  EXPECT_TRUE(engine_->RemoveAd("a").ok());
  EXPECT_EQ(engine_->RemoveAd("a").code(), Code::kNotFound);
  EXPECT_EQ(Owner("a"), "2");
  EXPECT_EQ(Ads(AdOwner::kCampaign, "8"), Names{});
  Reopen();
  EXPECT_EQ(Owner("a"), "2");
}

TEST_F(CatalogueTest, AnAdCanBeSetBeforeItsFirstEvent) {
  EXPECT_EQ(engine_->GetAd("new").status().code(), Code::kNotFound);
  AdSettings settings = Campaign("7");
  settings.redirect_url = "https://example.com/";
  settings.others = {{"name", "Spring"}};
  ASSERT_TRUE(engine_->SetAd("new", settings).ok());
  Reopen();
  Result<AdSettings> entry = engine_->GetAd("new");
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(*entry, settings);
  EXPECT_EQ(Ads(AdOwner::kCampaign, "7"), Names{}) << "nothing is counted for it yet";
  Send(Event("new", "", "e1", 1));
  EXPECT_EQ(Ads(AdOwner::kCampaign, "7"), Names{"new"});
}

TEST_F(CatalogueTest, TopBannersAddUpTheAdsOfABanner) {
  Send(Event("a1", ",campaign_id=1,banner_id=31", "e1", 1) +
       Event("a2", ",campaign_id=1,banner_id=31", "e2", 61) +
       Event("a3", ",campaign_id=1,banner_id=32", "e3", 1) +
       Event("a4", ",campaign_id=2,banner_id=31", "e4", 1) + Event("a5", ",campaign_id=1", "e5", 1) +
       "conversion,ad_id=a2 revenue=2.5 " + std::to_string(kStart + 61 * kNsPerSecond) + "\n");
  const int32_t minute = MinuteOf(kStart);
  Result<TopBanners> top = engine_->TopBannersOf("1", {minute, minute + 2});
  ASSERT_TRUE(top.ok());
  EXPECT_EQ(top->converting, 1U);
  ASSERT_EQ(top->banners.size(), 2U);
  EXPECT_EQ(top->banners[0].banner_id, "31");
  EXPECT_EQ(top->banners[0].ad_ids, (Names{"a1", "a2"}));
  EXPECT_TRUE(top->banners[0].sums[Metric::kImpressions] == 2);
  EXPECT_TRUE(top->banners[0].sums[Metric::kRevenue] == 2'500'000);
  EXPECT_EQ(top->banners[1].ad_ids, Names{"a3"});
  top = engine_->TopBannersOf("1", {minute, minute + 1});
  EXPECT_EQ(top->converting, 0U) << "the conversion is in the next minute";
  top = engine_->TopBannersOf("unknown", {minute, minute + 1});
  ASSERT_TRUE(top.ok());
  EXPECT_TRUE(top->banners.empty());
}

// A conversion that was joined says nothing of the ad beyond what it carried itself.
TEST_F(CatalogueTest, WhatAConversionInheritedIsNotLearnedFromIt) {
  Send("click,ad_id=a,campaign_id=1 event_id=\"c\" " + std::to_string(kStart) + "\n" +
       Event("a", ",campaign_id=2", "e", 10) + "conversion click_id=\"c\",event_id=\"v\" " +
       std::to_string(kStart + 20 * kNsPerSecond) + "\n");
  EXPECT_EQ(Owner("a"), "2");
  Reopen();
  EXPECT_EQ(Owner("a"), "2");
  Send("conversion click_id=\"c\",event_id=\"w\",banner_id=\"own\" " +
       std::to_string(kStart + 21 * kNsPerSecond) + "\n");
  EXPECT_EQ(Owner("a", AdOwner::kBanner), "own");
}

}  // namespace
}  // namespace tallymark
