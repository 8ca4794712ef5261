#include "format/csv_reader.h"

#include <gtest/gtest.h>

namespace tallymark {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// Every row of a table that must be whole.
Rows ReadAll(std::string_view input, char delimiter = ',') {
  CsvReader reader(input, delimiter);
  std::vector<CsvCell> cells;
  CsvError error;
  Rows rows;
  while (true) {
    switch (reader.Next(&cells, &error)) {
      case CsvReader::Outcome::kEnd:
        return rows;
      case CsvReader::Outcome::kError:
        ADD_FAILURE() << error.line << ":" << error.column << " " << error.reason;
        return rows;
      case CsvReader::Outcome::kRow:
        break;
    }
    rows.emplace_back();
    for (const CsvCell& cell : cells) rows.back().emplace_back(cell.text);
  }
}

// The first error, which must come.
CsvError FirstError(std::string_view input) {
  CsvReader reader(input, ',');
  std::vector<CsvCell> cells;
  CsvError error;
  CsvReader::Outcome outcome = CsvReader::Outcome::kRow;
  while (outcome == CsvReader::Outcome::kRow) outcome = reader.Next(&cells, &error);
  EXPECT_EQ(outcome, CsvReader::Outcome::kError);
  EXPECT_EQ(reader.Next(&cells, &error), CsvReader::Outcome::kEnd);
  return error;
}

TEST(CsvReaderTest, RowsEndWithLfCrlfOrTheInput) {
  Rows expected = {{"a", "b"}, {"1", ""}, {"", "2"}};
  EXPECT_EQ(ReadAll("a,b\n1,\n,2\n"), expected);
  EXPECT_EQ(ReadAll("a,b\r\n1,\r\n,2\r\n"), expected);
  EXPECT_EQ(ReadAll("a,b\n1,\n,2"), expected);
  EXPECT_EQ(ReadAll("a,b\r\n1,\r\n,2\r"), expected);
}

TEST(CsvReaderTest, QuotedValuesHoldDelimitersQuotesAndLineEnds) {
  Rows expected = {{"a", "b"}, {"x,y", "say \"hi\"\r\nagain"}, {"", "\""}};
  EXPECT_EQ(ReadAll("a,b\n\"x,y\",\"say \"\"hi\"\"\r\nagain\"\n\"\",\"\"\"\"\n"), expected);
}

TEST(CsvReaderTest, DelimiterCanBeATab) {
  EXPECT_EQ(ReadAll("a\tb,c\n1\t\"2\t3\"\n", '\t'), (Rows{{"a", "b,c"}, {"1", "2\t3"}}));
}

TEST(CsvReaderTest, ByteOrderMarkAndBlankLinesArePassedOver) {
  EXPECT_EQ(ReadAll("\xEF\xBB\xBF\"a\",b\n\n\r\n1,2\n\n"), (Rows{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(ReadAll(""), Rows());
}

TEST(CsvReaderTest, LongRowIsAnErrorAtItsFirstSurplusValue) {
  CsvError error = FirstError("a,b\n1,2\n3,4,5\n");
  EXPECT_EQ(error.line, 3u);
  EXPECT_EQ(error.column, 5u);
  EXPECT_EQ(error.reason, "the row has 3 values where the first row has 2");
}

TEST(CsvReaderTest, ShortRowIsAnErrorAtItsEnd) {
  CsvError error = FirstError("a,b\n1,2\n345\n");
  EXPECT_EQ(error.line, 3u);
  EXPECT_EQ(error.column, 4u);
}

TEST(CsvReaderTest, OpenQuoteIsAnErrorWhereItOpens) {
  CsvError error = FirstError("a,b\n1,\"2\n3,4\n");
  EXPECT_EQ(error.line, 2u);
  EXPECT_EQ(error.column, 3u);
}

TEST(CsvReaderTest, TextAfterAClosingQuoteIsAnError) {
  CsvError error = FirstError("a,b\n\"1\nx\"y,2\n");
  EXPECT_EQ(error.line, 3u);
  EXPECT_EQ(error.column, 3u);
}

TEST(CsvReaderTest, QuoteInsideAnUnquotedValueIsAnError) {
  CsvError error = FirstError("a,b\n5\" screen,2\n");
  EXPECT_EQ(error.line, 2u);
  EXPECT_EQ(error.column, 2u);
}

TEST(CsvReaderTest, CellsKnowWhereTheyBegin) {
  CsvReader reader("a,b\n\"x\ny\",z\n", ',');
  std::vector<CsvCell> cells;
  CsvError error;
  ASSERT_EQ(reader.Next(&cells, &error), CsvReader::Outcome::kRow);
  ASSERT_EQ(reader.Next(&cells, &error), CsvReader::Outcome::kRow);
  EXPECT_EQ(cells[0].line, 2u);
  EXPECT_EQ(cells[0].column, 1u);
  EXPECT_EQ(cells[1].line, 3u);
  EXPECT_EQ(cells[1].column, 4u);
}

TEST(CsvReaderTest, EveryCutOfATableEndsWithoutACrash) {
  const std::string whole = "a,b\r\n\"x,\"\"y\"\"\",\"1\n2\"\r\n3,4\r\n";
  for (size_t size = 0; size <= whole.size(); ++size) {
    CsvReader reader(std::string_view(whole).substr(0, size), ',');
    std::vector<CsvCell> cells;
    CsvError error;
    size_t rows = 0;
    while (reader.Next(&cells, &error) == CsvReader::Outcome::kRow) ++rows;
    EXPECT_LE(rows, 3u);
    EXPECT_EQ(reader.position(), size);
  }
}

TEST(CsvReaderTest, DelimiterIsGuessedFromNameThenHeader) {
  EXPECT_EQ(GuessDelimiter("x.tsv", "a,b"), '\t');
  EXPECT_EQ(GuessDelimiter("x.csv", "a,b\n1;2;3"), ',');
  EXPECT_EQ(GuessDelimiter("x.csv", "a;b;c\n"), ';');
  EXPECT_EQ(GuessDelimiter("x", "a\tb\n"), '\t');
  EXPECT_EQ(GuessDelimiter("x", "a"), ',');
}

}  // namespace
}  // namespace tallymark
