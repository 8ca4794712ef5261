#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "tests/server/test_server.h"

namespace tallymark {
namespace {

class ImportTest : public ServerTest {
 protected:
  TestAnswer Post(const std::string& parameters, const std::string& body) {
    return Request("POST", "/v1/imports?" + parameters, body);
  }

  // The job once it is at rest.
  boost::json::object Follow(const TestAnswer& answer) {
    EXPECT_EQ(answer.status, 202) << answer.body;
    if (answer.status != 202) return {};
    const std::string target = "/v1/jobs/" + std::to_string(answer.Json().at("id").as_int64());
    EXPECT_EQ(answer.Header("location"), target);
    for (int i = 0; i < 12'000; ++i) {
      boost::json::object job = Get(target).Json().as_object();
      if (job.at("state").as_string() != "running") return job;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ADD_FAILURE() << "the job does not come to rest";
    return {};
  }
  boost::json::object Import(const std::string& parameters, const std::string& body) {
    return Follow(Post(parameters, body));
  }

  static std::string Counts(const boost::json::object& job) {
    if (!job.contains("result") || !job.at("result").is_object()) return boost::json::serialize(job);
    const boost::json::object& result = job.at("result").as_object();
    std::string text;
    for (const char* name : {"rows", "accepted", "duplicates", "rejected"}) {
      text += (text.empty() ? "" : " ") + boost::json::serialize(result.at(name));
    }
    return text;
  }
  static std::string Error(const boost::json::object& job) {
    EXPECT_EQ(job.at("state").as_string(), "failed") << boost::json::serialize(job);
    return job.contains("error") ? std::string(job.at("error").as_string()) : "";
  }

  int64_t Stored() { return Get("/v1/status").Json().at("events").at("stored").as_int64(); }
  size_t SpooledFiles() {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(options_.engine.data_dir + "/imports")) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }

  static std::string Rows(int count) {
    std::string table = "ad_id,time,event_id\n";
    for (int i = 0; i < count; ++i)
      table += "a" + std::to_string(i % 7) + ",1609459200,e" + std::to_string(i) + "\n";
    return table;
  }
};

TEST_F(ImportTest, AFileIsLoadedAndReported) {
  boost::json::object job = Import("name=clicks.csv&kind=click&map=ad_id:ad,event_id:id,time:at",
                                   "ad,id,at\na,1,1609459201\na,2,2021-01-01T00:00:02Z\na,1,1609459201\n");
  EXPECT_EQ(job.at("kind").as_string(), "import");
  EXPECT_EQ(job.at("state").as_string(), "done");
  EXPECT_EQ(Counts(job), "3 2 1 0");
  EXPECT_EQ(Clicks("a"), 2);
  EXPECT_EQ(SpooledFiles(), 0u);
}

TEST_F(ImportTest, OneMappingTakesABatchOfImpressionsAndClicks) {
  boost::json::object job = Import("name=hour.tsv&map=event_id:impression_id,time:timestamp",
                                   "event\timpression_id\tad_id\tuser_id\tip\ttimestamp\n"
                                   "impression\ti1\ta\tu1\t10.0.0.1\t2021-01-01 00:00:01\n"
                                   "click\ti1\ta\tu1\t10.0.0.1\t2021-01-01 00:00:09\n"
                                   "impression\ti2\ta\tu2\t10.0.0.2\t2021-01-01 00:00:02\n"
                                   "impression\ti2\ta\tu2\t10.0.0.2\t2021-01-01 00:00:02\n");
  EXPECT_EQ(Counts(job), "4 3 1 0");
  boost::json::value series =
      Get("/v1/ads/a/series?from=1609459200000&to=1609462800000&step=1h&metrics=impressions,clicks").Json();
  EXPECT_EQ(series.at("points").at(0).at("impressions").as_int64(), 2);
  EXPECT_EQ(series.at("points").at(0).at("clicks").as_int64(), 1);
}

TEST_F(ImportTest, EqualRowsCountOneByOneWhenTheRowIsTheIdentity) {
  const std::string table = "banner_id,campaign_id\n7,1\n7,1\n8,1\n";
  const std::string mapping = "&kind=click&map=ad_id={campaign_id}:{banner_id}&set=time=2021-01-01T00:15:00Z";
  EXPECT_EQ(Counts(Import("name=rows&identity=row" + mapping, table)), "3 3 0 0");
  EXPECT_EQ(Clicks("1:7"), 2);
  EXPECT_EQ(Clicks("1:8"), 1);
  boost::json::value page = Get("/v1/ads/1:8/events?from=1600000000000").Json();
  EXPECT_EQ(page.at("events").at(0).at("attributes").at("event_id").as_string(), "rows#3");
  EXPECT_EQ(Counts(Import("name=values" + mapping, table + "\n9,1\n")), "4 3 1 0");
}

TEST_F(ImportTest, WhatIsWrongWithTheRequestIs400AtOnce) {
  const std::string table = "ad_id,time\na,1609459201\n";
  struct Case {
    const char* parameters;
    std::string body;
    const char* says;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"kind=click", table, "name"},
           {"name=", table, "name"},
           {"name=a%01", table, "name"},
           {"name=a&kind=view", table, "kind"},
           {"name=a&kind=click&what=1", table, "what"},
           {"name=a&kind=click&kind=click", table, "twice"},
           {"name=a&identity=line", table, "identity"},
           {"name=a&time=weeks", table, "time"},
           {"name=a&set=time", table, "set"},
           {"name=a&set=time=soon", table, "soon"},
           {"name=a&delimiter=ab", table, "delimiter"},
           {"name=a.csv&kind=click", "", "a.csv: line 1, column 1: the file is empty"},
           {"name=a.csv&kind=click", std::string("ad_id,time\n7,\0\n", 14),
            "a.csv: line 2, column 3: a zero byte"}}) {
    TestAnswer answer = Post(c.parameters, c.body);
    EXPECT_EQ(answer.status, 400) << c.parameters;
    EXPECT_NE(answer.body.find(c.says), std::string::npos) << c.parameters << ": " << answer.body;
  }
  EXPECT_EQ(Request("POST", "/v1/imports?name=a&kind=click", table, "Content-Encoding: gzip\r\n").status,
            415);
  EXPECT_EQ(Get("/v1/jobs").Json().at("jobs").as_array().size(), 0u);
  EXPECT_EQ(SpooledFiles(), 0u);
}

TEST_F(ImportTest, AFileThatFailsTheCheckIsRefusedWholeWithThePlace) {
  struct Case {
    std::string table;
    const char* says;
  };
  const std::string good = "ad_id,time\na,1609459201\n";
  for (const Case& c : std::initializer_list<Case>{
           {"ad,time\na,1609459201\n", "bad.csv: line 1, column 1: no column is the ad"},
           {"ad_id,when\na,1609459201\n", "bad.csv: line 1, column 1: no column is the time"},
           {good + "a,soon\n" + "a,1609459202\n", "bad.csv: line 3, column 3: not a time"},
           {good + "a,1609459202,more\n", "bad.csv: line 3, column 14: the row has 3 values"},
           {good + "a\n", "bad.csv: line 3, column 2: the row has 1 values"},
           {good + "\"a,1609459202\n",
            "bad.csv: line 3, column 1: the quote that opens here is never closed"},
           {"\x89PNG\r\n\x1a\n,time\n", "bad.csv: line 1, column 1"},
           {good + std::string(100'000, '\n') + std::string("a,\0\n", 4),
            "bad.csv: line 100003, column 3: a zero byte"}}) {
    boost::json::object job = Import("name=bad.csv&kind=click", c.table);
    EXPECT_TRUE(Error(job).starts_with(c.says)) << Error(job);
  }
  EXPECT_EQ(Stored(), 0);
  EXPECT_EQ(SpooledFiles(), 0u);
  // The name is still free for the file put right.
  EXPECT_EQ(Counts(Import("name=bad.csv&kind=click", good)), "1 1 0 0");
}

TEST_F(ImportTest, ColumnsThatAMappingNamesMustBeThere) {
  EXPECT_EQ(Error(Import("name=a&kind=click&map=ad_id:app", "ad,time\na,1\n")),
            "a: line 1, column 1: there is no column \"app\"; the columns are ad, time");
}

TEST_F(ImportTest, RowsWithoutAValueOrAgainstTheRulesAreListed) {
  boost::json::object job = Import("name=a&kind=click&map=ad_id:ad",
                                   "ad,time,ip\na,1609459201,1.2.3.4\n,1609459202,\n"
                                   "popular_ads,1609459204,\nb,4102444800,\n");
  EXPECT_EQ(Counts(job), "4 1 0 3");
  const boost::json::value& result = job.at("result");
  EXPECT_EQ(result.at("reasons"),
            boost::json::parse(R"({"no value for ad_id":1,"reserved_ad":1,"in_future":1})"));
  const boost::json::array& rejections = result.at("rejections").as_array();
  ASSERT_EQ(rejections.size(), 3u);
  EXPECT_EQ(rejections[0].at("line").as_int64(), 3);
  EXPECT_EQ(rejections[0].at("column").as_int64(), 1);
  EXPECT_EQ(rejections[1].at("line").as_int64(), 4);
}

TEST_F(ImportTest, ANameIsLoadedOnceWhateverItsContent) {
  EXPECT_EQ(Counts(Import("name=a.csv&kind=click", Rows(3))), "3 3 0 0");
  for (const std::string& body : {Rows(3), Rows(4)}) {
    TestAnswer again = Post("name=a.csv&kind=click", body);
    EXPECT_EQ(again.status, 409);
    EXPECT_NE(again.body.find("\\\"a.csv\\\" was loaded before"), std::string::npos) << again.body;
    EXPECT_EQ(again.Json().at("same_content").as_bool(), body == Rows(3));
    EXPECT_EQ(again.Json().at("result").at("accepted").as_int64(), 3);
  }
  StopServer();
  StartServer();
  EXPECT_EQ(Post("name=a.csv&kind=click", Rows(4)).status, 409);
  EXPECT_EQ(Stored(), 3);
}

TEST_F(ImportTest, AContentIsLoadedOnceWhateverItsName) {
  Import("name=a.csv&kind=click", Rows(3));
  TestAnswer again = Post("name=b.csv&kind=click", Rows(3));
  EXPECT_EQ(again.status, 409);
  EXPECT_NE(again.body.find("was loaded before as \\\"a.csv\\\""), std::string::npos) << again.body;
  StopServer();
  StartServer();
  EXPECT_EQ(Post("name=b.csv&kind=impression", Rows(3)).status, 409);
  EXPECT_EQ(Counts(Import("name=b.csv&kind=click", Rows(4))), "4 1 3 0");
}

TEST_F(ImportTest, WhoAsksBeforeSendingALoadedNameIsTold) {
  Import("name=a.csv&kind=click", Rows(3));
  TestSocket socket(server_->http_address());
  socket.Send(
      "POST /v1/imports?name=a.csv&kind=click HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
      "Content-Length: 100\r\n\r\n");
  EXPECT_EQ(ReadAnswer(socket).status, 409);
}

TEST_F(ImportTest, WhatWasLoadedIsListedByName) {
  Import("name=dir/b.csv&kind=click", Rows(3));
  Import("name=a.csv&kind=click", Rows(4));
  boost::json::value one = Get("/v1/imports/dir%2Fb.csv").Json();
  EXPECT_EQ(one.at("state").as_string(), "loaded");
  EXPECT_EQ(one.at("bytes").as_int64(), static_cast<int64_t>(Rows(3).size()));
  EXPECT_EQ(one.at("sha256").as_string().size(), 64u);
  EXPECT_EQ(one.at("result").at("rows").as_int64(), 3);
  EXPECT_EQ(one.at("options").at("kind").as_string(), "click");
  boost::json::value page = Get("/v1/imports?limit=1").Json();
  EXPECT_EQ(page.at("imports").at(0).at("name").as_string(), "a.csv");
  EXPECT_EQ(page.at("next").as_string(), "a.csv");
  page = Get("/v1/imports?limit=2&after=a.csv").Json();
  EXPECT_EQ(page.at("imports").as_array().size(), 1u);
  EXPECT_TRUE(page.at("next").is_null());
  EXPECT_EQ(Get("/v1/imports/c.csv").status, 404);
  EXPECT_EQ(Get("/v1/imports?limit=0").status, 400);
}

TEST_F(ImportTest, ACancelledImportIsContinuedByRepeatingIt) {
  constexpr int kRows = 400'000;
  TestAnswer started = Post("name=a.csv&kind=click", Rows(kRows));
  ASSERT_EQ(started.status, 202);
  Request("DELETE", "/v1/jobs/" + std::to_string(started.Json().at("id").as_int64()));
  boost::json::object first = Follow(started);
  EXPECT_EQ(SpooledFiles(), 0u);
  if (first.at("state").as_string() == "done") GTEST_SKIP() << "it was through before it could be cancelled";
  EXPECT_EQ(first.at("state").as_string(), "cancelled");
  boost::json::object second = Import("name=a.csv&kind=click", Rows(kRows));
  EXPECT_EQ(second.at("state").as_string(), "done");
  EXPECT_EQ(second.at("result").at("rows").as_int64(), kRows);
  EXPECT_EQ(Stored(), kRows);
}

TEST_F(ImportTest, TheSameRequestLeadsToTheJobAtWorkAndOthersClashWithIt) {
  const std::string table = Rows(400'000);
  TestAnswer started = Post("name=a.csv&kind=click", table);
  TestAnswer again = Post("name=a.csv&kind=click", table);
  TestAnswer other = Post("name=a.csv&kind=click", Rows(2));
  TestAnswer renamed = Post("name=b.csv&kind=click", table);
  EXPECT_EQ(started.status, 202);
  // Where the import was faster than the second request it is refused as loaded.
  if (again.status == 202) {
    EXPECT_EQ(again.Json().at("id"), started.Json().at("id"));
  } else {
    EXPECT_EQ(again.status, 409);
  }
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(renamed.status, 409);
  EXPECT_EQ(Counts(Follow(started)), "400000 400000 0 0");
  EXPECT_EQ(Stored(), 400'000);
}

TEST_F(ImportTest, AnImportThatARestartInterruptsGoesOnByItself) {
  constexpr int kRows = 400'000;
  TestAnswer started = Post("name=a.csv&kind=click", Rows(kRows));
  ASSERT_EQ(started.status, 202);
  StopServer();
  StartServer();
  boost::json::object job = Follow(started);
  EXPECT_EQ(job.at("state").as_string(), "done") << boost::json::serialize(job);
  EXPECT_EQ(job.at("result").at("rows").as_int64(), kRows);
  EXPECT_EQ(Stored(), kRows);
  EXPECT_EQ(SpooledFiles(), 0u);
}

TEST_F(ImportTest, ChunkedBodiesAreSpooled) {
  TestSocket socket(server_->http_address());
  std::string table = Rows(2);
  char size[16];
  std::snprintf(size, sizeof size, "%zx", table.size());
  socket.Send(
      std::string(
          "POST /v1/imports?name=a&kind=click HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n") +
      size + "\r\n" + table + "\r\n0\r\n\r\n");
  EXPECT_EQ(Counts(Follow(ReadAnswer(socket))), "2 2 0 0");
}

TEST_F(ImportTest, ABodyThatEndsEarlyLeavesNothing) {
  {
    TestSocket socket(server_->http_address());
    socket.Send(
        "POST /v1/imports?name=a&kind=click HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nad_id,time\n");
    socket.EndSending();
    socket.ReadAll();
  }
  EXPECT_EQ(SpooledFiles(), 0u);
  EXPECT_EQ(Get("/v1/jobs").Json().at("jobs").as_array().size(), 0u);
}

class SmallImportTest : public ImportTest {
 protected:
  void Configure(ServerOptions* options) override { options->import_bytes_max = 1000; }
};

TEST_F(SmallImportTest, AFileOverTheBoundIs413) {
  TestAnswer announced = Post("name=a&kind=click", Rows(100));
  EXPECT_EQ(announced.status, 413);
  TestSocket socket(server_->http_address());
  std::string table = Rows(100);
  char size[16];
  std::snprintf(size, sizeof size, "%zx", table.size());
  socket.Send(
      std::string(
          "POST /v1/imports?name=a&kind=click HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n") +
      size + "\r\n" + table + "\r\n0\r\n\r\n");
  EXPECT_EQ(ReadAnswer(socket).status, 413);
  EXPECT_EQ(SpooledFiles(), 0u);
  EXPECT_EQ(Counts(Import("name=a&kind=click", Rows(3))), "3 3 0 0");
}

}  // namespace
}  // namespace tallymark
