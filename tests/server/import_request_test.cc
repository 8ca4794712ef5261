#include "server/import_request.h"

#include <gtest/gtest.h>

#include "server/import_task.h"

namespace tallymark {
namespace {

TEST(ImportRequestTest, ParametersAndJsonMeanTheSame) {
  auto params = ReadImportParams({{"name", "a.tsv"},
                                  {"kind", "click"},
                                  {"map", "ad_id=x:{ad},time:at"},
                                  {"set", "country=USA"},
                                  {"set", "note=a,b"},
                                  {"identity", "row"},
                                  {"time", "ms"},
                                  {"delimiter", "tab"}});
  auto json =
      ReadImportJson(R"({"kind":"click","map":["ad_id=x:{ad},time:at"],"set":{"country":"USA","note":"a,b"},)"
                     R"("identity":"row","time":"ms","delimiter":"\t"})",
                     "a.tsv");
  ASSERT_TRUE(params.ok()) << params.status().message();
  ASSERT_TRUE(json.ok()) << json.status().message();
  EXPECT_EQ(ImportOptionsJson(*params), ImportOptionsJson(*json));
  EXPECT_EQ(params->name, "a.tsv");
  EXPECT_EQ(params->mapping.name, "a.tsv");
  EXPECT_TRUE(params->mapping.identity_by_row);
  EXPECT_EQ(params->mapping.time_unit, EpochUnit::kMilliseconds);
  EXPECT_EQ(params->delimiter, '\t');
}

TEST(ImportRequestTest, AnObjectMapsColumnsAndTemplates) {
  auto request =
      ReadImportJson(R"({"map":{"ad_id":"{a}:{b}","time":"at"},"set":{"n":7},"name":"other"})", "a");
  ASSERT_TRUE(request.ok()) << request.status().message();
  EXPECT_EQ(request->mapping.maps, (std::vector<std::string>{"ad_id={a}:{b}", "time:at"}));
  EXPECT_EQ(request->mapping.constants, std::vector<std::string>{"n=7"});
  EXPECT_EQ(request->name, "other");
}

TEST(ImportRequestTest, WhatIsWrongIsNamed) {
  auto message = [](std::string_view json) { return ReadImportJson(json, "a").status().message(); };
  EXPECT_NE(message("nonsense").find("JSON"), std::string::npos);
  EXPECT_NE(message("[]").find("object"), std::string::npos);
  EXPECT_NE(message(R"({"maps":""})").find("maps"), std::string::npos);
  EXPECT_NE(message(R"({"kind":1})").find("kind"), std::string::npos);
  EXPECT_NE(message(R"({"map":1})").find("map"), std::string::npos);
  EXPECT_NE(message(R"({"map":[1]})").find("map"), std::string::npos);
  EXPECT_NE(message(R"({"set":{"a":{}}})").find("set"), std::string::npos);
  EXPECT_NE(message(R"({"set":"time=soon"})").find("soon"), std::string::npos);
  EXPECT_NE(ReadImportJson("{}", "").status().message().find("name"), std::string::npos);
  EXPECT_NE(ReadImportJson("{}", std::string(256, 'a')).status().message().find("name"), std::string::npos);
}

TEST(ImportTaskTest, IsReadAsItWasWritten) {
  ImportTask task;
  task.request = *ReadImportParams({{"name", "dir/a \"b\".csv"}, {"kind", "click"}, {"delimiter", ";"}});
  task.options = ImportOptionsJson(task.request);
  task.body = "1-2.body";
  task.hash = std::string(31, '\0') + "\xFF";
  task.size = UINT64_MAX;
  auto read = ReadImportTask(ImportTaskJson(task));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->request.name, task.request.name);
  EXPECT_EQ(ImportOptionsJson(read->request), task.options);
  EXPECT_EQ(read->options, task.options);
  EXPECT_EQ(read->body, task.body);
  EXPECT_EQ(read->hash, task.hash);
  EXPECT_EQ(read->size, task.size);
}

TEST(ImportTaskTest, OtherTextsAreCorruption) {
  for (const char* text : {"", "[]", "{}", R"({"name":"a","options":"{}","body":"b","hash":"00","size":1})",
                           R"({"name":"a","options":"{}","body":"../b","hash":"xy","size":1})"}) {
    EXPECT_EQ(ReadImportTask(text).status().code(), Code::kCorruption) << text;
  }
}

}  // namespace
}  // namespace tallymark
