#include "tools/ad_import.h"

#include <gtest/gtest.h>

#include <map>

namespace tallymark {
namespace {

// Keeps what is put, as a server does, and refuses what says so.
class KeepingHttp : public HttpClient {
 public:
  std::map<std::string, std::string> put;
  bool gone = false;

  Result<HttpAnswer> Get(const std::string&) override { return Status::Internal("not asked for"); }
  Result<HttpAnswer> Post(const std::string&, std::string_view, std::string_view) override {
    return Status::Internal("not asked for");
  }
  Result<HttpAnswer> Put(const std::string& target, std::string_view, std::string_view body) override {
    if (gone) return Status::Unavailable("nobody there");
    if (body.find("ftp:") != std::string_view::npos)
      return HttpAnswer{400, {}, R"({"detail":"redirect_url: no"})"};
    const bool fresh = put.insert_or_assign(target, std::string(body)).second;
    return HttpAnswer{fresh ? 201 : 200, {}, "{}"};
  }
};

struct Ran {
  Status status;
  ImportReport report;
};

Ran Import(KeepingHttp* http, std::string_view table, std::vector<std::string> maps = {}) {
  MappingOptions options;
  options.kind = kAdKind;
  options.maps = std::move(maps);
  Ran ran;
  ran.status = AdImport(table, ',', http)
                   .Run(
                       options, [](size_t, const ImportReport&) {}, &ran.report);
  return ran;
}

TEST(AdImportTest, EachRowSetsItsAd) {
  KeepingHttp http;
  Ran ran = Import(
      &http,
      "id,campaign_id,time,redirect_url\na/b,7,morning,http://x.example/\nc,,,\na/b,8,\"two\nlines\",\n",
      {"ad_id:id"});
  ASSERT_TRUE(ran.status.ok()) << ran.status.message();
  EXPECT_EQ(ran.report.rows, 3u);
  EXPECT_EQ(ran.report.accepted, 3u);
  EXPECT_EQ(http.put["/v1/ads/a%2Fb"], R"({"ad_id":"a/b","campaign_id":"8","time":"two\nlines"})");
  EXPECT_EQ(http.put["/v1/ads/c"], R"({"ad_id":"c"})");
}

TEST(AdImportTest, RowsWithoutAnIdAndWhatTheServerRefusesAreListed) {
  KeepingHttp http;
  Ran ran = Import(&http, "ad_id,redirect_url\n,http://x/\na,ftp://x/\nb,http://x/\n");
  ASSERT_TRUE(ran.status.ok());
  EXPECT_EQ(ran.report.accepted, 1u);
  EXPECT_EQ(ran.report.rejected, 2u);
  ASSERT_EQ(ran.report.listed.size(), 2u);
  EXPECT_EQ(ran.report.listed[0], (RejectedRow{2, 1, "no value for ad_id", ""}));
  EXPECT_EQ(ran.report.listed[1], (RejectedRow{3, 0, "refused by the server", "redirect_url: no"}));
}

TEST(AdImportTest, ATableThatIsNoneSetsNothing) {
  KeepingHttp http;
  EXPECT_EQ(Import(&http, "ad_id,x\na,1\nb\n").status.message(),
            "line 3, column 2: the row has 1 values where the first row has 2");
  EXPECT_NE(Import(&http, "id\na\n").status.message().find("no column is the ad"), std::string::npos);
  EXPECT_EQ(Import(&http, "").status.message(), "line 1, column 1: the file is empty");
  EXPECT_TRUE(http.put.empty());
}

TEST(AdImportTest, AServerThatIsGoneEndsIt) {
  KeepingHttp http;
  http.gone = true;
  Ran ran = Import(&http, "ad_id\na\nb\n");
  EXPECT_EQ(ran.status.code(), Code::kUnavailable);
  EXPECT_EQ(ran.report.rows, 0u);
}

}  // namespace
}  // namespace tallymark
