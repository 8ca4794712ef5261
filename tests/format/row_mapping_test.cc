#include "format/row_mapping.h"

#include <gtest/gtest.h>

namespace tallymark {
namespace {

struct Mapped {
  Status status;                  // of Build
  std::vector<std::string> rows;  // lines without their line feed, or "line:column reason"
};

Mapped Map(const MappingOptions& options, std::string_view table) {
  Mapped mapped;
  CsvReader reader(table, ',');
  std::vector<CsvCell> header, cells;
  CsvError error;
  EXPECT_EQ(reader.Next(&header, &error), CsvReader::Outcome::kRow);
  auto mapping = RowMapping::Build(options, header);
  if (!mapping.ok()) {
    mapped.status = mapping.status();
    return mapped;
  }
  for (uint64_t row = 1; reader.Next(&cells, &error) == CsvReader::Outcome::kRow; ++row) {
    std::string line;
    RowProblem problem;
    if (mapping->AppendLine(cells, row, &line, &problem)) {
      EXPECT_EQ(line.back(), '\n');
      line.pop_back();
    } else {
      EXPECT_TRUE(line.empty());
      line = (problem.bad_type ? "type " : "row ") + std::to_string(problem.line) + ":" +
             std::to_string(problem.column) + " " + problem.reason;
    }
    mapped.rows.push_back(line);
  }
  return mapped;
}

MappingOptions Clicks(std::vector<std::string> maps) {
  MappingOptions options;
  options.maps = std::move(maps);
  options.kind = "click";
  return options;
}

using Lines = std::vector<std::string>;

TEST(RowMappingTest, MappedColumnsAreRenamedAndOthersKeepTheirNames) {
  Mapped mapped =
      Map(Clicks({"ad_id:app,time:at,ip_number:ip"}), "ip,app,os,at\n87540,12,13,2017-11-07 09:30:38\n");
  ASSERT_TRUE(mapped.status.ok()) << mapped.status.message();
  EXPECT_EQ(mapped.rows, Lines{"click ad_id=\"12\",ip_number=\"87540\",os=\"13\" 1510047038000000000"});
}

TEST(RowMappingTest, EmptyUnmappedCellIsNoAttribute) {
  Mapped mapped = Map(Clicks({}), "ad_id,time,os\n7,1609459200,\n");
  EXPECT_EQ(mapped.rows, Lines{"click ad_id=\"7\" 1609459200000000000"});
}

TEST(RowMappingTest, EmptyMappedCellRejectsTheRow) {
  Mapped mapped = Map(Clicks({"country:geo"}), "ad_id,time,geo\n7,1,\n8,2,DE\n");
  EXPECT_EQ(mapped.rows,
            (Lines{"row 2:5 no value for country", "click country=\"DE\",ad_id=\"8\" 2000000000"}));
}

TEST(RowMappingTest, TemplatesJoinColumnsAndText) {
  Mapped mapped =
      Map(Clicks({"ad_id={campaign_id}:{banner_id},event_id=q1:{click_id}", "campaign_id:campaign_id"}),
          "click_id,banner_id,campaign_id,time\n100,328,23,1\n101,,23,1\n");
  EXPECT_EQ(mapped.rows, (Lines{"click ad_id=\"23:328\",event_id=\"q1:100\",campaign_id=\"23\" 1000000000",
                                "row 3:5 no value for ad_id"}));
}

TEST(RowMappingTest, FirstSignDecidesWhatAMapIs) {
  Mapped mapped = Map(Clicks({"ad_id:a=b"}), "a=b,time\n7,1\n");
  EXPECT_EQ(mapped.rows, Lines{"click ad_id=\"7\" 1000000000"});
}

TEST(RowMappingTest, ConstantsStandInEveryRow) {
  MappingOptions options = Clicks({});
  options.constants = {"time=2021-01-01T00:15:00Z", "note=a,b=c"};
  EXPECT_EQ(Map(options, "ad_id\n7\n8\n").rows,
            (Lines{"click note=\"a,b=c\",ad_id=\"7\" 1609460100000000000",
                   "click note=\"a,b=c\",ad_id=\"8\" 1609460100000000000"}));
}

TEST(RowMappingTest, EventColumnNamesTheKindOfEachRow) {
  MappingOptions options;
  Mapped mapped = Map(options, "event,ad_id,time\nimpression,7,1\nclick,7,1\nview,7,1\n,7,1\n");
  EXPECT_EQ(mapped.rows,
            (Lines{"impression ad_id=\"7\" 1000000000", "click ad_id=\"7\" 1000000000",
                   "type 4:1 event is none of impression, click, conversion", "row 5:1 no value for event"}));
}

TEST(RowMappingTest, GivenKindIsForRowsThatNameNone) {
  Mapped mapped = Map(Clicks({}), "event,ad_id,time\nimpression,7,1\n,7,1\n");
  EXPECT_EQ(mapped.rows, (Lines{"impression ad_id=\"7\" 1000000000", "click ad_id=\"7\" 1000000000"}));
}

TEST(RowMappingTest, IdentityByRowCountsEachRow) {
  MappingOptions options = Clicks({});
  options.identity_by_row = true;
  options.name = "q1";
  EXPECT_EQ(Map(options, "ad_id,time\n7,1\n7,1\n").rows,
            (Lines{"click ad_id=\"7\",event_id=\"q1#1\" 1000000000",
                   "click ad_id=\"7\",event_id=\"q1#2\" 1000000000"}));
  EXPECT_FALSE(Map(options, "ad_id,time,event_id\n7,1,x\n").status.ok());
}

TEST(RowMappingTest, RevenueIsExactMoney) {
  Mapped mapped = Map(Clicks({}), "ad_id,time,revenue\n7,1,1.1\n7,1,0.0000001\n7,1,\n");
  EXPECT_EQ(mapped.rows, (Lines{"click ad_id=\"7\",revenue=1.100000 1000000000",
                                "type 3:5 revenue is not a decimal with at most six decimals",
                                "click ad_id=\"7\" 1000000000"}));
}

TEST(RowMappingTest, TimeMustBeATime) {
  Mapped mapped = Map(Clicks({}), "ad_id,time\n7,soon\n7,\n");
  EXPECT_EQ(mapped.rows, (Lines{"type 2:3 not a time (epoch number, RFC 3339 or YYYY-MM-DD HH:MM:SS)",
                                "row 3:3 no value for time"}));
}

TEST(RowMappingTest, HeadersThatDoNotFitAreRefusedWithThePlace) {
  auto message = [](const MappingOptions& options, std::string_view table) {
    return Map(options, table).status.message();
  };
  EXPECT_EQ(message(Clicks({"ad_id:app"}), "ad,time\n"),
            "line 1, column 1: there is no column \"app\"; the columns are ad, time");
  EXPECT_EQ(message(Clicks({}), "ad_id,time,os,os\n"), "line 1, column 15: the column \"os\" stands twice");
  EXPECT_EQ(message(Clicks({"ad_id:app"}), "ad_id,time,app\n"),
            "line 1, column 1: \"ad_id\" comes from two places");
  EXPECT_EQ(message(Clicks({}), ",ad_id,time\n"),
            "line 1, column 1: \"\" cannot be the name of an attribute");
  EXPECT_NE(message(Clicks({}), "ad_id\n").find("no column is the time"), std::string::npos);
  EXPECT_NE(message(Clicks({}), "time\n").find("no column is the ad"), std::string::npos);
  EXPECT_NE(message(MappingOptions(), "ad_id,time\n").find("the kind must be given"), std::string::npos);
  EXPECT_NE(message(Clicks({"ad_id"}), "ad_id,time\n").find("neither"), std::string::npos);
  EXPECT_NE(message(Clicks({"x={ad_id"}), "ad_id,time\n").find("brace"), std::string::npos);
}

TEST(RowMappingTest, ConstantsOfTheWrongTypeAreRefused) {
  MappingOptions options = Clicks({});
  options.constants = {"time=soon"};
  EXPECT_EQ(Map(options, "ad_id\n").status.message(), "\"soon\" is not a time");
  options.constants = {"time=1", "revenue=much"};
  EXPECT_EQ(Map(options, "ad_id\n").status.message(), "\"much\" is not an amount of money");
}

TEST(RowMappingTest, ConversionsMayNameAClickInsteadOfAnAd) {
  MappingOptions options;
  options.kind = "conversion";
  EXPECT_TRUE(Map(options, "click_id,time\n").status.ok());
  options.kind = "click";
  EXPECT_FALSE(Map(options, "click_id,time\n").status.ok());
}

}  // namespace
}  // namespace tallymark
