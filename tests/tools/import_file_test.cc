#include "tools/import_file.h"

#include <gtest/gtest.h>

namespace tallymark {
namespace {

// Takes every line and counts equal ones as duplicates, as a server does.
class CountingHttp : public HttpClient {
 public:
  explicit CountingHttp(std::map<std::string, int>* lines) : lines_(lines) {}
  Result<HttpAnswer> Get(const std::string&) override { return Status::Internal("not asked for"); }
  Result<HttpAnswer> Post(const std::string&, std::string_view, std::string_view body) override {
    int accepted = 0, duplicates = 0;
    while (!body.empty()) {
      size_t end = body.find('\n');
      ++((*lines_)[std::string(body.substr(0, end))]++ == 0 ? accepted : duplicates);
      body.remove_prefix(end + 1);
    }
    return HttpAnswer{204,
                      {{"tallymark-accepted", std::to_string(accepted)},
                       {"tallymark-duplicates", std::to_string(duplicates)},
                       {"tallymark-rejected", "0"}},
                      ""};
  }

 private:
  std::map<std::string, int>* lines_;
};

struct Imported {
  Status checked;
  ImportReport report;
  std::map<std::string, int> lines;
};

Imported Import(std::string_view table, std::vector<std::string> maps = {}) {
  Imported imported;
  MappingOptions options;
  options.maps = std::move(maps);
  options.kind = "click";
  ImportFile file(table, ',');
  auto silent = [](double, const ImportReport&) {};
  imported.checked = file.Check(options, silent);
  if (!imported.checked.ok()) return imported;
  WriteClient client(std::make_unique<CountingHttp>(&imported.lines), {});
  Status loaded = file.Load(&client, silent, &imported.report);
  EXPECT_TRUE(loaded.ok()) << loaded.message();
  return imported;
}

TEST(ImportFileTest, CountsAddUpToTheRows) {
  Imported imported = Import("ad_id,time,ip\n7,1,1.2.3.4\n7,1,1.2.3.4\n8,1,nowhere\n9,1,\n,1,\n");
  ASSERT_TRUE(imported.checked.ok()) << imported.checked.message();
  EXPECT_EQ(imported.report.rows, 5u);
  EXPECT_EQ(imported.report.accepted, 2u);
  EXPECT_EQ(imported.report.duplicates, 1u);
  EXPECT_EQ(imported.report.rejected, 2u);
  EXPECT_EQ(imported.report.reasons,
            (std::map<std::string, uint64_t>{{"bad_ip", 1}, {"no value in any column", 1}}));
  EXPECT_EQ(imported.lines.size(), 2u);
}

TEST(ImportFileTest, RejectedRowsAreListedWithTheirLines) {
  Imported imported = Import("ad,time,n\n7,1,\"a\nb\"\n,1,\n8,1,\n", {"ad_id:ad,note:n"});
  ASSERT_EQ(imported.report.listed.size(), 2u);
  EXPECT_EQ(imported.report.listed[0].line, 4u);
  EXPECT_EQ(imported.report.listed[0].column, 1u);
  EXPECT_EQ(imported.report.listed[0].reason, "no value for ad_id");
  EXPECT_EQ(imported.report.listed[1].line, 5u);
  EXPECT_EQ(imported.report.listed[1].reason, "no value for note");
  EXPECT_EQ(imported.report.accepted, 1u);
}

TEST(ImportFileTest, ListIsBoundedAndCountsAreNot) {
  std::string table = "ad_id,time\n";
  for (int i = 0; i < 500; ++i) table += ",1\n";
  Imported imported = Import(table);
  EXPECT_EQ(imported.report.rejected, 500u);
  EXPECT_EQ(imported.report.listed.size(), ImportReport::kListedRowsMax);
}

TEST(ImportFileTest, LargeFilesGoInSeveralBatchesInOrder) {
  std::string table = "ad_id,time,event_id\n";
  constexpr int kRows = 60'000;
  for (int i = 0; i < kRows; ++i) table += "7,1,e" + std::to_string(i) + (i % 1000 == 0 ? "x" : "") + "\n";
  ASSERT_GT(table.size() * 4, ImportFile::kBatchBytes);
  Imported imported = Import(table);
  EXPECT_EQ(imported.report.accepted, static_cast<uint64_t>(kRows));
  EXPECT_EQ(imported.lines.size(), static_cast<size_t>(kRows));
}

TEST(ImportFileTest, FilesThatAreNoTablesAreRefusedWithThePlace) {
  auto message = [](std::string_view table) { return Import(table).checked.message(); };
  EXPECT_EQ(message(""), "line 1, column 1: the file is empty");
  EXPECT_EQ(message("\n\n"), "line 1, column 1: the file has no header");
  EXPECT_EQ(message(std::string_view("ad_id,time\n7,\0\n", 14)),
            "line 2, column 3: a zero byte; this is no CSV or TSV text in UTF-8");
  EXPECT_EQ(message("ad_id,time\n7,1\n7,1,2\n"),
            "line 3, column 5: the row has 3 values where the first row has 2");
  EXPECT_EQ(message("ad_id,time\n7,\"1\n"), "line 2, column 3: the quote that opens here is never closed");
}

TEST(ImportFileTest, WrongTypeAnywhereRefusesTheFile) {
  Imported imported = Import("ad_id,time\n7,1\n7,soon\n");
  EXPECT_EQ(imported.checked.message(),
            "line 3, column 3: not a time (epoch number, RFC 3339 or YYYY-MM-DD HH:MM:SS): \"soon\"");
  EXPECT_TRUE(imported.lines.empty());
}

TEST(ImportFileTest, HeaderAloneIsAnEmptyImport) {
  Imported imported = Import("ad_id,time\n");
  EXPECT_TRUE(imported.checked.ok());
  EXPECT_EQ(imported.report.Json(),
            R"({"rows":0,"accepted":0,"duplicates":0,"rejected":0,"reasons":{},"rejections":[]})");
}

TEST(ImportFileTest, ReportIsJson) {
  ImportReport report;
  report.rows = 3;
  report.rejected = 3;
  report.unsure_duplicates = 2;
  report.reasons = {{"a \"reason\"", 3}};
  report.listed = {{2, 5, "a \"reason\"", "x\ny"}, {0, 0, "b", ""}};
  EXPECT_EQ(
      report.Json(),
      R"({"rows":3,"accepted":0,"duplicates":0,"rejected":3,"unsure_duplicates":2,"reasons":{"a \"reason\"":3},)"
      R"("rejections":[{"line":2,"column":5,"reason":"a \"reason\"","detail":"x\ny"},{"reason":"b"}]})");
}

}  // namespace
}  // namespace tallymark
