#include "format/table_import.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace tallymark {
namespace {

// Takes every line and counts equal ones as duplicates, as a server does.
class CountingSink : public ImportSink {
 public:
  std::map<std::string, int> lines;
  std::vector<uint64_t> rows_after_batches;
  size_t batches_until_stop = 1000;
  bool unsure = false;
  uint64_t refused = 0;

  Result<BatchCounts> Store(const ImportBatch& batch) override {
    BatchCounts counts;
    counts.unsure = unsure;
    counts.rejected = refused;
    std::string_view left = batch.lines;
    while (!left.empty()) {
      size_t end = left.find('\n');
      ++(lines[std::string(left.substr(0, end))]++ == 0 ? counts.accepted : counts.duplicates);
      left.remove_prefix(end + 1);
    }
    EXPECT_EQ(batch.chunk->events.size(), counts.accepted + counts.duplicates);
    counts.accepted -= refused;
    return counts;
  }
  Status OnStored(size_t, const ImportReport& report) override {
    rows_after_batches.push_back(report.rows);
    return --batches_until_stop == 0 ? Status::Unavailable("stop") : Status::Ok();
  }
};

struct Imported {
  Status checked;
  ImportReport report;
  std::map<std::string, int> lines;
};

MappingOptions Clicks(std::vector<std::string> maps = {}) {
  MappingOptions options;
  options.maps = std::move(maps);
  options.kind = "click";
  return options;
}

Imported Import(std::string_view table, std::vector<std::string> maps = {}) {
  Imported imported;
  CountingSink sink;
  TableImport import(table, ',');
  imported.checked = import.Open(Clicks(std::move(maps)));
  if (imported.checked.ok()) imported.checked = import.Check(&sink);
  if (!imported.checked.ok()) return imported;
  EXPECT_TRUE(sink.lines.empty());
  Status loaded = import.Load(&sink, &imported.report);
  EXPECT_TRUE(loaded.ok()) << loaded.message();
  imported.lines = std::move(sink.lines);
  return imported;
}

std::string Table(int rows) {
  std::string table = "ad_id,time,event_id\n";
  for (int i = 0; i < rows; ++i) table += "7,1,e" + std::to_string(i) + (i % 1000 == 0 ? "x" : "") + "\n";
  return table;
}

TEST(TableImportTest, CountsAddUpToTheRows) {
  Imported imported = Import("ad_id,time,ip\n7,1,1.2.3.4\n7,1,1.2.3.4\npopular_ads,1,\n9,1,\n,1,\n");
  ASSERT_TRUE(imported.checked.ok()) << imported.checked.message();
  EXPECT_EQ(imported.report.rows, 5u);
  EXPECT_EQ(imported.report.accepted, 2u);
  EXPECT_EQ(imported.report.duplicates, 1u);
  EXPECT_EQ(imported.report.rejected, 2u);
  EXPECT_EQ(imported.report.reasons,
            (std::map<std::string, uint64_t>{{"reserved_ad", 1}, {"no value in any column", 1}}));
  EXPECT_EQ(imported.lines.size(), 2u);
}

TEST(TableImportTest, AWrongAddressRefusesTheTable) {
  Imported imported = Import("ad_id,time,ip\n7,1,1.2.3.4\n8,1,\n8,1,nowhere\n");
  EXPECT_EQ(imported.checked.message(), "line 4, column 5: neither an IPv4 nor an IPv6 address: \"nowhere\"");
  EXPECT_TRUE(imported.lines.empty());
}

TEST(TableImportTest, RejectedRowsAreListedWithTheirLines) {
  Imported imported = Import("ad,time,n\n7,1,\"a\nb\"\n,1,\n8,1,\n", {"ad_id:ad,note:n"});
  ASSERT_EQ(imported.report.listed.size(), 2u);
  EXPECT_EQ(imported.report.listed[0].line, 4u);
  EXPECT_EQ(imported.report.listed[0].column, 1u);
  EXPECT_EQ(imported.report.listed[0].reason, "no value for ad_id");
  EXPECT_EQ(imported.report.listed[1].line, 5u);
  EXPECT_EQ(imported.report.listed[1].reason, "no value for note");
  EXPECT_EQ(imported.report.accepted, 1u);
}

TEST(TableImportTest, ListIsBoundedAndCountsAreNot) {
  std::string table = "ad_id,time\n";
  for (int i = 0; i < 500; ++i) table += ",1\n";
  Imported imported = Import(table);
  EXPECT_EQ(imported.report.rejected, 500u);
  EXPECT_EQ(imported.report.listed.size(), ImportReport::kListedRowsMax);
}

TEST(TableImportTest, LargeFilesGoInSeveralBatchesInOrder) {
  constexpr int kRows = 200'000;
  const std::string table = Table(kRows);
  CountingSink sink;
  TableImport import(table, ',');
  ASSERT_TRUE(import.Open(Clicks()).ok());
  ImportReport report;
  ASSERT_TRUE(import.Load(&sink, &report).ok());
  EXPECT_EQ(report.accepted, static_cast<uint64_t>(kRows));
  EXPECT_EQ(sink.lines.size(), static_cast<size_t>(kRows));
  EXPECT_GT(sink.rows_after_batches.size(), 2u);
  EXPECT_TRUE(std::is_sorted(sink.rows_after_batches.begin(), sink.rows_after_batches.end()));
  EXPECT_EQ(sink.rows_after_batches.back(), report.rows);
}

TEST(TableImportTest, WhatWasInterruptedGoesOnBehindTheLastBatch) {
  constexpr int kRows = 200'000;
  const std::string table = Table(kRows) + ",1,\n";
  CountingSink sink;
  sink.batches_until_stop = 1;
  ImportReport report;
  TableImport first(table, ',');
  ASSERT_TRUE(first.Open(Clicks({"ad_id:ad_id"})).ok());
  EXPECT_EQ(first.Load(&sink, &report).code(), Code::kUnavailable);
  EXPECT_GT(report.rows, 0u);
  EXPECT_LT(report.rows, static_cast<uint64_t>(kRows));
  sink.batches_until_stop = 1000;
  TableImport second(table, ',');
  ASSERT_TRUE(second.Open(Clicks({"ad_id:ad_id"})).ok());
  ASSERT_TRUE(second.Load(&sink, &report).ok());
  EXPECT_EQ(report.rows, static_cast<uint64_t>(kRows) + 1);
  EXPECT_EQ(report.accepted, static_cast<uint64_t>(kRows));
  EXPECT_EQ(report.duplicates, 0u);
  ASSERT_EQ(report.listed.size(), 1u);
  EXPECT_EQ(report.listed[0].line, static_cast<size_t>(kRows) + 2);
  // Nothing is behind the end.
  ASSERT_TRUE(second.Load(&sink, &report).ok());
  EXPECT_EQ(report.rows, static_cast<uint64_t>(kRows) + 1);
}

TEST(TableImportTest, WhatTheSinkIsUnsureOfOrRefusesIsTold) {
  CountingSink sink;
  sink.unsure = true;
  sink.refused = 1;
  TableImport import("ad_id,time\n7,1\n7,1\n7,2\n", ',');
  ASSERT_TRUE(import.Open(Clicks()).ok());
  ImportReport report;
  ASSERT_TRUE(import.Load(&sink, &report).ok());
  EXPECT_EQ(report.unsure_duplicates, 1u);
  EXPECT_EQ(report.rejected, 1u);
  EXPECT_EQ(report.rows, report.accepted + report.duplicates + report.rejected);
}

TEST(TableImportTest, ABinaryHeaderIsNoHeader) {
  EXPECT_EQ(Import("\x89PNG\r\n\x1a\n").checked.message(),
            "line 1, column 1: the name of a column is no text in UTF-8; this is no CSV or TSV file");
  EXPECT_EQ(Import("ad_id,\x01\n").checked.message(),
            "line 1, column 7: the name of a column is no text in UTF-8; this is no CSV or TSV file");
}

TEST(TableImportTest, AZeroByteFarInsideIsFound) {
  std::string table = Table(50'000) + std::string("7,1,\0\n", 6);
  EXPECT_TRUE(Import(table).checked.message().starts_with("line 50002, column 5: a zero byte"));
}

TEST(TableImportTest, FilesThatAreNoTablesAreRefusedWithThePlace) {
  auto message = [](std::string_view table) { return Import(table).checked.message(); };
  EXPECT_EQ(message(""), "line 1, column 1: the file is empty");
  EXPECT_EQ(message("\n\n"), "line 1, column 1: the file has no header");
  EXPECT_EQ(message(std::string_view("ad_id,time\n7,\0\n", 14)),
            "line 2, column 3: a zero byte; this is no CSV or TSV text in UTF-8");
  EXPECT_EQ(message("ad_id,time\n7,1\n7,1,2\n"),
            "line 3, column 5: the row has 3 values where the first row has 2");
  EXPECT_EQ(message("ad_id,time\n7,\"1\n"), "line 2, column 3: the quote that opens here is never closed");
}

TEST(TableImportTest, WrongTypeAnywhereRefusesTheFile) {
  Imported imported = Import("ad_id,time\n7,1\n7,soon\n");
  EXPECT_EQ(imported.checked.message(),
            "line 3, column 3: not a time (epoch number, RFC 3339 or YYYY-MM-DD HH:MM:SS): \"soon\"");
  EXPECT_TRUE(imported.lines.empty());
}

TEST(TableImportTest, HeaderAloneIsAnEmptyImport) {
  Imported imported = Import("ad_id,time\n");
  EXPECT_TRUE(imported.checked.ok());
  EXPECT_EQ(imported.report.Json(),
            R"({"rows":0,"accepted":0,"duplicates":0,"rejected":0,"reasons":{},"rejections":[]})");
}

TEST(TableImportTest, ReportIsJson) {
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
