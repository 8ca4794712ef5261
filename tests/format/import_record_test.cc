#include "format/import_record.h"

#include <gtest/gtest.h>

#include "tests/format/golden.h"

namespace tallymark {
namespace {

ImportRecord ExampleRecord() {
  ImportRecord record;
  record.state = ImportState::kLoaded;
  for (size_t i = 0; i < kContentHashBytes; ++i) record.content_hash.push_back(static_cast<char>(i));
  record.size = 1'000'000'007;
  record.began_ns = 1'609'459'200'000'000'000;
  record.ended_ns = 1'609'459'201'500'000'000;
  record.options = R"({"kind":"click"})";
  record.report.rows = 1000;
  record.report.accepted = 900;
  record.report.duplicates = 98;
  record.report.rejected = 2;
  record.report.unsure_duplicates = 7;
  record.report.reasons = {{"bad_ip", 1}, {"no value for ad_id", 1}};
  record.report.listed = {{2, 5, "no value for ad_id", ""}, {300, 0, "bad_ip", "nowhere"}};
  return record;
}

ImportRecord EmptyRecord() {
  ImportRecord record;
  record.content_hash.assign(kContentHashBytes, '\0');
  return record;
}

TEST(ImportRecordTest, GoldenRecordsReadAndWriteAsTheyDid) {
  auto golden = ReadGolden("import_record_v1.txt");
  EXPECT_EQ(ToHex(*EncodeImportRecord(EmptyRecord())), ToHex(golden["begun"]));
  EXPECT_EQ(ToHex(*EncodeImportRecord(ExampleRecord())), ToHex(golden["loaded"]));
  auto begun = DecodeImportRecord(golden["begun"]);
  auto loaded = DecodeImportRecord(golden["loaded"]);
  ASSERT_TRUE(begun.ok() && loaded.ok());
  EXPECT_EQ(*begun, EmptyRecord());
  EXPECT_EQ(*loaded, ExampleRecord());
}

TEST(ImportRecordTest, KeysOfNamesAndContentsAreApart) {
  auto golden = ReadGolden("import_record_v1.txt");
  EXPECT_EQ(ImportNameKey("clicks.csv"), golden["name_key"]);
  EXPECT_EQ(ImportContentKey(ExampleRecord().content_hash), golden["content_key"]);
}

TEST(ImportRecordTest, AHashOfAnotherSizeIsNotWritten) {
  ImportRecord record = ExampleRecord();
  record.content_hash.pop_back();
  EXPECT_EQ(EncodeImportRecord(record).status().code(), Code::kInternal);
}

TEST(ImportRecordTest, EveryFlippedBitAndEveryCutIsSeen) {
  for (const ImportRecord& record : {EmptyRecord(), ExampleRecord()}) {
    const std::string bytes = *EncodeImportRecord(record);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(DecodeImportRecord(std::string_view(bytes).substr(0, size)).status().code(),
                Code::kCorruption);
    }
    EXPECT_EQ(DecodeImportRecord(bytes + '\0').status().code(), Code::kCorruption);
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_EQ(DecodeImportRecord(flipped).status().code(), Code::kCorruption) << "bit " << bit;
    }
  }
}

}  // namespace
}  // namespace tallymark
