#include "tools/record_writer.h"

#include <gtest/gtest.h>

namespace tallymark {
namespace {

using Type = RecordValue::Type;

std::string Written(RecordFormat format, const std::vector<std::vector<RecordValue>>& records) {
  std::FILE* file = std::tmpfile();
  RecordWriter writer(format, file);
  for (const auto& record : records) writer.Write(record);
  EXPECT_TRUE(writer.Flush().ok());
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

const std::vector<std::vector<RecordValue>> kRecords = {
    {{"name", "a,\"b\"\n"}, {"n", "5", Type::kNumber}, {"j", "{\"x\":1}", Type::kJson}},
    {{"name", ""}, {"n", "", Type::kNumber}, {"j", "[]", Type::kJson}}};

TEST(RecordWriterTest, JsonLinesQuoteTextOnly) {
  EXPECT_EQ(Written(RecordFormat::kJsonLines, kRecords),
            "{\"name\":\"a,\\\"b\\\"\\n\",\"n\":5,\"j\":{\"x\":1}}\n{\"name\":\"\",\"n\":null,\"j\":[]}\n");
}

TEST(RecordWriterTest, CsvBeginsWithTheNamesAndQuotesWhereNeeded) {
  EXPECT_EQ(Written(RecordFormat::kCsv, kRecords), "name,n,j\n\"a,\"\"b\"\"\n\",5,\"{\"\"x\"\":1}\"\n,,[]\n");
}

TEST(RecordWriterTest, FullDeviceIsReported) {
  std::FILE* file = std::fopen("/dev/full", "w");
  ASSERT_NE(file, nullptr);
  RecordWriter writer(RecordFormat::kCsv, file);
  writer.WriteLine("x\n");
  EXPECT_EQ(writer.Flush().code(), Code::kIo);
  std::fclose(file);
}

TEST(RecordWriterTest, BytesThatAreNoUtf8DoNotReachJson) {
  EXPECT_EQ(JsonText("\xC3\xA4"), "\"\xC3\xA4\"");
  EXPECT_EQ(JsonText("a\xFFz"), "\"a?z\"");
}

}  // namespace
}  // namespace tallymark
